"""The page of evaluate --review, driven by keyboard in Chromium: what it shows, decides, keeps, saves; and what is made of that."""
import csv, json, os, re, shutil, sys, time
from PIL import Image

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from browser import Browser
from tap import Skip, program, run, scratch

ODD = 'ant/a "b", <i>&amp;.png'
NAMES = [ODD] + ["%s/%02d.png" % (c, i) for c in ("ant", "bee, big") for i in range(14)]
SUSPECTS = [("bee, big/05.png", "ant", 0.4), (ODD, "bee, big", 0.9), ("ant/07.png", "wasp \u00e9", 0.6)]


def draw(folder):
    for i, name in enumerate(NAMES):
        os.makedirs(os.path.dirname(folder + "/" + name), exist_ok=True)
        colour = (i * 37 % 200, 255 if name.startswith("bee") else 90, i * 91 % 256)
        Image.new("RGB", (8, 5), colour).save(folder + "/" + name)
    shutil.copyfile(folder + "/ant/03.png", folder + "/bee, big/copy.png")  # the same picture under two labels
    shutil.copyfile(folder + "/ant/04.png", folder + "/ant/z.png")
    with open(os.fsencode(folder) + b"/ant/\xff.png", "wb") as out, open(folder + "/ant/05.png", "rb") as file:
        out.write(file.read() + b"\n")


def write(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows(rows)
    return path


def review(at):
    program("train", "-q", "--head", "linear", "--scale", "max", "--folds", 3, at + "/c", at + "/m.h5")
    suspects = write(at + "/s.csv", [("path", "label", "suggested", "score")] + [(p, p.split("/")[0], s, x) for p, s, x in SUSPECTS])
    return program("evaluate", "--review", at + "/r", "--suspects", suspects, "--images", at + "/images", "--json", at + "/f.json",
                   "--predictions", at + "/p.csv", at + "/c", at + "/m.h5")


def prepared(at):
    if not shutil.which("chromedriver"):
        raise Skip("chromedriver is not installed")
    draw(at + "/images")
    program("extract", "-q", "--layer", "input", at + "/images", at + "/c")
    return review(at)


def cards(page):
    return page.run("""return Array.from(document.querySelectorAll("#cards li"), (card) => ({...card.dataset, hidden: card.hidden,
        current: card === document.activeElement, twin: (card.querySelector("dd:nth-of-type(3)") || {}).textContent || ""}))""")


def what_is_in_doubt_is_shown_in_its_order():
    with scratch() as at, Browser() as page:
        said = prepared(at).stderr
        assert "1 image is left out of the review, as their paths" in said, said
        page.open(at + "/r/index.html")
        shown = cards(page)
        with open(at + "/p.csv", newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = list(csv.DictReader(file))
        clean = [row for row in rows if "\udcff" not in row["path"]]
        first = [name for name, _, _ in sorted(SUSPECTS, key=lambda s: -s[2])]
        wrong = [r for r in clean if r["true"] != r["predicted"] and r["path"] not in first]
        wrong.sort(key=lambda r: -float(r[r["predicted"]]))
        order = first + [row["path"] for row in wrong]
        lead = sorted((abs(float(r["ant"]) - float(r["bee, big"])), i) for i, r in enumerate(rows) if r["path"] not in order)
        unsure = [rows[i]["path"] for _, i in lead if rows[i] in clean][:len(rows) // 10]
        assert [c["path"] for c in shown][:len(order + unsure)] == order + unsure, (shown, order, unsure)
        reasons = [c["reason"] for c in shown]
        assert reasons == sorted(reasons, key=["suspect", "mistake", "unsure", "duplicate"].index), reasons
        assert [c["suggested"] for c in shown if c["path"] == ODD] == ["bee, big"]
        doubles = {"bee, big/copy.png": "ant", "ant/z.png": ""}
        for card in shown:
            if card["reason"] == "duplicate":
                assert doubles.get(card["path"], "") == card["suggested"], card
        assert set(doubles) <= {c["path"] for c in shown}, shown
        with open(at + "/r/index.html", encoding="utf-8") as file:
            text = file.read()
        assert not re.search(r'(src|href)="(?!data:|#)', text) and "http" not in re.sub(r"base64,[^\"]*", "", text)


def what_the_model_does_not_know_is_shown_last():
    with scratch() as at:
        draw(at + "/images")
        program("extract", "-q", "--layer", "input", at + "/images", at + "/c")
        program("train", "-q", "--head", "linear", "--scale", "max", at + "/c", at + "/m.h5")
        program("evaluate", "-q", "--set-known", 0.7, at + "/c", at + "/m.h5")
        os.mkdir(at + "/flat")
        for i in range(12):  # the corners of the colours, and others, each in the folder that the model gives it
            Image.new("RGB", (8, 5), (255 * (i & 1), 255 * (i >> 1 & 1), 255 * (i >> 2 & 1)) if i < 8 else (i * 9, 90, i * 20)).save(
                at + "/flat/%d.png" % i)
        for line in program("evaluate", "--predict", at + "/m.h5", "--format", "jsonl", at + "/flat").stdout.splitlines():
            said = json.loads(line)
            os.makedirs(at + "/new/" + said["predicted"], exist_ok=True)
            shutil.move(said["path"], at + "/new/" + said["predicted"])
        program("extract", "-q", "--layer", "input", at + "/new", at + "/n")
        program("evaluate", "-q", "--review", at + "/r", at + "/n", at + "/m.h5")
        with open(at + "/r/index.html", encoding="utf-8") as file:
            shown = re.findall(r'<li data-path="([^"]*)" data-label="[^"]*" data-reason="([^"]*)" data-suggested="([^"]*)"', file.read())
        lines = program("evaluate", "--predict", at + "/m.h5", "--format", "jsonl", at + "/n").stdout.splitlines()
        unknown = {said["path"] for said in map(json.loads, lines) if said["known"] is False}
        asked = [path for path, reason, suggested in shown if reason == "unknown" and not suggested]
        others = {path for path, reason, _ in shown if reason != "unknown"}
        assert asked and set(asked) <= unknown < set(asked) | others, (asked, unknown, lines[:2])
        assert [reason for _, reason, _ in shown][-len(asked):] == ["unknown"] * len(asked), shown


def the_keyboard_decides_and_the_file_it_saves_is_applied():
    with scratch() as at, Browser() as page:
        prepared(at)
        page.open(at + "/r/index.html")
        start = cards(page)
        paths, keep = [card["path"] for card in start], start[4]
        assert paths[:3] == [ODD, "ant/07.png", "bee, big/05.png"]
        page.press("r", "r", "x", "right", "k")  # the second is given a class that there was not
        page.press("c", *"nov, el", "enter")
        page.press("x", "u")
        state = {card["path"]: card["action"] for card in cards(page) if card["action"]}
        assert state == {ODD: "relabel", "ant/07.png": "relabel", "bee, big/05.png": "exclude", keep["path"]: "keep",
                         decided_by_name(page): "relabel"}, state
        said = page.run("return document.getElementById('count').textContent")
        assert said == "5 of %d decided: 1 kept, 3 relabelled, 1 excluded" % len(paths), said
        before = cards(page)
        page.reload()
        after = cards(page)
        assert [c["action"] for c in after] == [c["action"] for c in before]
        page.press("u")  # the log outlives the page too
        assert sum(1 for c in cards(page) if c["action"]) == 4
        page.press("c", *"nov, el", "enter")
        page.run("document.getElementById('save').click()")
        saved = page.folder + "/decisions.csv"
        for _ in range(100):
            if os.path.exists(saved):
                break
            time.sleep(0.05)
        shutil.copyfile(saved, at + "/d.csv")
        with open(saved, newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        novel = [row[0] for row in rows if row[2] == "nov, el"][0]
        assert rows == [["path", "action", "label"]] + sorted([
            [ODD, "relabel", "bee, big"], ["ant/07.png", "relabel", "wasp \u00e9"], ["bee, big/05.png", "exclude", ""],
            [keep["path"], "keep", keep["label"]], [novel, "relabel", "nov, el"]], key=lambda row: paths.index(row[0])), rows
        assert program("extract", "--apply", at + "/d.csv", at + "/c").stdout == "1 kept, 3 relabelled, 1 excluded\n"
        told = json.loads(program("extract", "--info", "--json", at + "/c").stdout)
        assert {(d["path"], d["action"], d["label"]) for d in told["decisions"]} == {
            (p, a, label or "bee, big") for p, a, label in rows[1:]}, told["decisions"]
        assert {"nov, el", "wasp \u00e9"} <= {c["name"] for c in told["classes"]}
        review(at)
        page.open(at + "/r/index.html")
        assert not {card["path"] for card in cards(page)} & set(state), "what is decided is not asked again"


def decided_by_name(page):
    return page.run("""return Array.from(document.querySelectorAll("#cards li")).find(
        (card) => card.querySelector(".state").textContent === "\u2192 nov, el").dataset.path""")


def filters_and_moves_keep_to_what_is_shown():
    with scratch() as at, Browser() as page:
        prepared(at)
        page.open(at + "/r/index.html")
        choose = "const s = document.getElementById('%s'); s.value = '%s'; s.dispatchEvent(new Event('change'))"
        page.run(choose % ("label", "bee, big"))
        assert {c["label"] for c in cards(page) if not c["hidden"]} == {"bee, big"}
        page.run(choose % ("state", "open"))
        page.press("right", "k")
        left = [c for c in cards(page) if not c["hidden"]]
        assert all(not c["action"] for c in left) and sum(c["current"] for c in left) == 1, left
        page.press("u")
        back = [c for c in cards(page) if c["current"]]
        assert len(back) == 1 and not back[0]["hidden"] and not back[0]["action"], back
        page.run(choose % ("label", ""))
        page.run(choose % ("reason", "suspect"))
        for _ in range(5):
            page.press("right")
        assert [c["current"] for c in cards(page) if not c["hidden"]] == [False, False, True]
        page.run("Storage.prototype.setItem = () => { throw new Error('full'); }")
        page.press("x")
        assert "does not keep decisions" in page.run("return document.getElementById('said').textContent")


def nothing_is_cut_off_and_everything_has_a_name():
    probe = """const cut = [];
        for (const part of document.querySelectorAll("body *")) {
          const box = part.getBoundingClientRect();
          if (box.width && !part.closest(".skip") && (box.right > innerWidth + 1 || box.left < -1))
            cut.push(part.tagName + "." + part.className);
        }
        const card = document.querySelector("#cards li").getBoundingClientRect();
        const bar = document.querySelector("#tools .done").getBoundingClientRect();
        return {cut, wide: document.documentElement.scrollWidth <= innerWidth, card: card.top >= bar.bottom - 1,
          nameless: document.querySelectorAll("#cards li:not([aria-label]), #cards li button:not([aria-label]), #cards li input:not([aria-label])").length,
          dark: getComputedStyle(document.body).backgroundColor}"""
    with scratch() as at, Browser() as page:
        prepared(at)
        page.open(at + "/r/index.html")
        colours = set()
        for width in (390, 768, 1280):
            for dark in (False, True):
                page.size(width, 850, dark)
                page.press("right", "left")  # the first card comes into view below what sticks to the top
                seen = page.run(probe)
                assert not seen["cut"] and seen["wide"] and seen["card"] and not seen["nameless"], (width, dark, seen)
                colours.add((dark, seen["dark"]))
        assert len(colours) == 2, colours


def a_table_of_suspects_is_checked_and_thumbnails_need_not_be():
    with scratch() as at:
        draw(at + "/images")
        program("extract", "-q", "--layer", "input", at + "/images", at + "/c")
        program("train", "-q", "--head", "linear", "--scale", "max", at + "/c", at + "/m.h5")
        wrong = write(at + "/w.csv", [("path", "label"), ("ant/07.png", "ant")])
        done = program("evaluate", "-q", "--review", at + "/r", "--suspects", wrong, at + "/c", at + "/m.h5", status=1)
        assert "no column suggested" in done.stderr and done.stderr.count("\n") == 1 and not os.path.exists(at + "/r")
        text = program("evaluate", "--review", at + "/r", at + "/c", at + "/m.h5").stderr
        assert "to decide on in" in text
        with open(at + "/r/index.html", encoding="utf-8") as file:
            assert "Without thumbnails" in file.read()


run(what_is_in_doubt_is_shown_in_its_order, what_the_model_does_not_know_is_shown_last,
    the_keyboard_decides_and_the_file_it_saves_is_applied,
    filters_and_moves_keep_to_what_is_shown, nothing_is_cut_off_and_everything_has_a_name, a_table_of_suspects_is_checked_and_thumbnails_need_not_be)
