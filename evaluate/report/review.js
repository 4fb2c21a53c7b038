"use strict";

// Decisions are a log: of the entries [path, action, label] of an image the last one counts, and undo takes the last of all
// away. It is kept in localStorage, under the hash of the images, and saved as decisions.csv.
(function () {
  const part = (id) => document.getElementById(id), key = "vggcache review " + part("cards").dataset.id;
  const cards = Array.from(document.querySelectorAll("#cards li")), byPath = new Map(cards.map((card) => [card.dataset.path, card]));
  const done = { keep: "kept", relabel: "relabelled", exclude: "excluded" };
  let log = [], current = null;

  try {
    log = JSON.parse(localStorage.getItem(key) || "[]").filter((entry) => byPath.has(entry[0]) && done[entry[1]]);
  } catch { /* say() below tells it when a decision cannot be kept */ }

  const say = (text) => { part("said").textContent = text; };
  const decisions = () => new Map(log.map((entry) => [entry[0], entry]));
  const shown = () => cards.filter((card) => !card.hidden);

  // ---- What is shown ----
  function show(card, entry) {
    const state = card.querySelector(".state");
    card.dataset.action = entry ? entry[1] : "";
    state.textContent = !entry ? "" : entry[1] === "relabel" ? "\u2192 " + entry[2] : done[entry[1]];
    card.setAttribute("aria-label", [card.dataset.path, "label " + card.dataset.label,
      card.dataset.suggested && "suggested " + card.dataset.suggested, card.dataset.reason, state.textContent || "open"]
      .filter(Boolean).join(", "));
  }

  function count() {
    const all = Array.from(decisions().values()), bar = document.querySelector("#tools progress");
    const of = (action) => all.filter((entry) => entry[1] === action).length + " " + done[action];
    bar.max = cards.length || 1;
    bar.value = all.length;
    part("count").textContent = `${all.length} of ${cards.length} decided: ${Object.keys(done).map(of).join(", ")}`;
    part("undo").disabled = !log.length;
  }

  function filter() {
    const reason = part("reason").value, label = part("label").value, state = part("state").value;
    for (const card of cards)
      card.hidden = (reason && card.dataset.reason !== reason) || (label && card.dataset.label !== label)
        || (state && state !== (card.dataset.action ? "decided" : "open"));
    part("shown").textContent = `${shown().length} shown`;
  }

  function go(card, focus = true) {
    if (!card) return;
    if (current) {
      current.removeAttribute("aria-current");
      current.tabIndex = -1;
    }
    current = card;
    card.tabIndex = 0;
    card.setAttribute("aria-current", "true");
    if (!focus) return;
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  }

  const step = (by) => { const all = shown(), at = all.indexOf(current); go(all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))]); };

  // ---- Decisions ----
  function changed(card) {
    show(card, decisions().get(card.dataset.path));
    count();
    try {
      localStorage.setItem(key, JSON.stringify(log));
    } catch {
      say("This browser does not keep decisions: save them before you leave the page.");
    }
  }

  function decide(card, action, label) {
    if (!card) return;
    if (action === "relabel" && (!label || label.includes("/"))) {
      say(label ? "A class cannot have a / in its name." : "No class is suggested: C types one.");
      return;
    }
    if (action === "relabel" && label === card.dataset.label) action = "keep";
    const all = shown(), rest = all.slice(all.indexOf(card) + 1).concat(all.slice(0, all.indexOf(card)));
    const next = rest.find((other) => !other.dataset.action) || card;
    log.push([card.dataset.path, action, action === "exclude" ? "" : label || card.dataset.label]);
    say(`${card.dataset.path}: ${done[action]}${action === "relabel" ? " as " + label : ""}.`
      + (next === card ? " All that are shown are decided." : ""));
    changed(card);
    filter();
    go(next.hidden ? shown()[0] : next);
  }

  function undo() {
    const entry = log.pop();
    if (!entry) return;
    const card = byPath.get(entry[0]);
    say(`${entry[0]}: taken back.`);
    changed(card);
    filter();
    if (card.hidden) {
      for (const id of ["reason", "label", "state"]) part(id).value = "";
      filter();
    }
    go(card);
  }

  const field = (text) => /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  function csv() {
    const all = decisions();
    const rows = cards.map((card) => all.get(card.dataset.path)).filter(Boolean);
    return ["path,action,label"].concat(rows.map((entry) => entry.map(field).join(","))).join("\n") + "\n";
  }

  // ---- Controls ----
  function button(card, text, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.tabIndex = -1; // the keys do the same
    made.textContent = text;
    made.setAttribute("aria-label", `${text} ${card.dataset.path}`);
    made.addEventListener("click", act);
    return made;
  }

  for (const card of cards) {
    const state = document.createElement("strong"), controls = document.createElement("div"), name = document.createElement("input");
    state.className = "state";
    controls.className = "controls";
    name.value = card.dataset.suggested;
    name.setAttribute("list", "names");
    name.setAttribute("aria-label", "Class of " + card.dataset.path);
    name.tabIndex = -1;
    name.addEventListener("keydown", (event) => {
      if (event.key === "Enter") decide(card, "relabel", name.value.trim());
      if (event.key === "Escape") go(card);
    });
    controls.append(button(card, "Keep", () => decide(card, "keep")), button(card, "Relabel", () => decide(card, "relabel", name.value.trim())),
      button(card, "Exclude", () => decide(card, "exclude")), name);
    card.querySelector(".reason").append(state);
    card.append(controls);
    card.tabIndex = -1;
    card.addEventListener("focusin", () => { if (card !== current) go(card, false); });
    card.addEventListener("click", (event) => { if (!event.target.closest("button, input")) go(card); });
    show(card, decisions().get(card.dataset.path));
  }

  for (const id of ["reason", "label"])
    for (const value of new Set(cards.map((card) => card.dataset[id])))
      part(id).add(new Option(value, value));
  for (const id of ["reason", "label", "state"])
    part(id).addEventListener("change", filter);
  part("undo").addEventListener("click", undo);
  part("save").addEventListener("click", () => {
    part("save").href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  });

  const keys = {
    k: () => decide(current, "keep"), x: () => decide(current, "exclude"), u: undo,
    r: () => current && decide(current, "relabel", current.dataset.suggested),
    c: () => { const name = current && current.querySelector("input"); if (name) { name.focus(); name.select(); } },
    arrowleft: () => step(-1), arrowright: () => step(1),
  };
  document.addEventListener("keydown", (event) => {
    const act = keys[event.key.toLowerCase()];
    if (!act || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select")) return;
    event.preventDefault();
    act();
  });

  part("tools").hidden = false;
  count();
  filter();
  go(shown().find((card) => !card.dataset.action) || shown()[0], false);
})();
