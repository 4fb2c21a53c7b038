"use strict";

// Light, dark: as the system says, until the reader chooses.
(function () {
  const root = document.documentElement, button = document.getElementById("theme");
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const label = () => { button.textContent = dark() ? "Light" : "Dark"; };
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; label(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();
})();

// Sorting: a click (or Enter) on a column's head; numbers fall first, names rise first; equals keep their order.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const names = head.classList.contains("text"), before = head.getAttribute("aria-sort");
      const ascending = before ? before === "descending" : names;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const value = (row) => names ? row.cells[column].textContent : Number(row.cells[column].dataset.value);
      const order = (a, b) => { const x = value(a), y = value(b); return x < y ? -1 : x > y ? 1 : 0; };
      const body = table.tBodies[0];
      body.append(...Array.from(body.rows).sort((a, b) => ascending ? order(a, b) : order(b, a)));
    });
  });
}

// The filter above the table of classes.
(function () {
  const filter = document.getElementById("filter");
  if (!filter) return;
  filter.parentElement.hidden = false;
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    for (const row of document.querySelectorAll("#classes tbody tr"))
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
  });
})();

// What is folded is printed too.
addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details.model")) part.open = true; });
