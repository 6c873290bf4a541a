// Decisions on the items of the queue: kept in this browser, exported as one file.
(function () {
  "use strict";
  const main = document.querySelector("main[data-library]");
  const table = main && main.querySelector(".queue");
  if (!table) return;

  const LABELS = { accept: "accepted", wrong_picture: "wrong picture", leave_out: "left out" };
  const FORMAT = "mobius.dhash/review-decisions";
  const MOST_UNDO = 200;
  const library = JSON.parse(main.dataset.library);
  const KEY = "mobius-dhash-review " + library.sha256;
  const blocks = Array.from(table.tBodies);
  const rows = Array.from(table.querySelectorAll("tbody tr"));
  const items = rows.map((row) => JSON.parse(row.dataset.item));
  const byPointer = new Map(items.map((item, at) => [item.pointer, at]));
  const texts = [];
  const state = { by: "", keys: true, decisions: Object.create(null), undo: [] };
  let current = -1;
  let stored = true;
  let timer = 0;

  const element = (id) => document.getElementById(id);
  const insert = (id, place) => place.parentNode.insertBefore(element(id).content.cloneNode(true), place);
  const section = table.closest("section");
  insert("tools", section);
  insert("bar", section);
  document.documentElement.classList.add("decides");
  const fields = { by: element("by"), search: element("search"), state: element("state"), load: element("load"),
    keys: element("keys") };

  function say(text) {
    element("message").textContent = text;
  }

  // What is kept -------------------------------------------------------------------------------------------------

  function read() {
    let kept = null;
    try {
      kept = JSON.parse(localStorage.getItem(KEY) || "null");
    } catch (error) {
      stored = false;
    }
    if (!kept || typeof kept.decisions !== "object") return;
    state.by = String(kept.by || "");
    state.keys = kept.keys !== false;
    state.decisions = Object.assign(Object.create(null), kept.decisions);
    state.undo = Array.isArray(kept.undo) ? kept.undo : [];
  }

  function save() {
    clearTimeout(timer);
    timer = 0;
    try {
      localStorage.setItem(KEY, JSON.stringify(state));
      stored = true;
    } catch (error) {
      if (stored) say("This browser cannot store decisions: export them before you close the page.");
      stored = false;
    }
  }

  function saveSoon() {
    clearTimeout(timer);
    timer = setTimeout(save, 250);
  }

  // What is shown ------------------------------------------------------------------------------------------------

  function prepare(at) {
    const row = rows[at];
    if (row.cells[row.cells.length - 1].classList.contains("decide")) return;
    row.appendChild(element("controls").content.cloneNode(true));
    const name = row.querySelector(".name").textContent;
    row.querySelector(".buttons").setAttribute("aria-label", "Decision on " + name);
    row.querySelector(".comment").setAttribute("aria-label", "Comment on " + name);
    show(at);
  }

  function show(at) {
    const row = rows[at];
    const found = state.decisions[items[at].pointer];
    for (const button of row.querySelectorAll("[data-do]")) {
      button.setAttribute("aria-pressed", String(Boolean(found) && found.decision === button.dataset.do));
    }
    const comment = row.querySelector(".comment");
    if (comment && comment !== document.activeElement) comment.value = (found && found.comment) || "";
  }

  function decided(at) {
    const found = state.decisions[items[at].pointer];
    return found && found.decision ? found.decision : "";
  }

  function count() {
    const done = items.reduce((sum, _item, at) => sum + (decided(at) ? 1 : 0), 0);
    const progress = element("progress");
    progress.max = rows.length;
    progress.value = done;
    element("count").textContent = done.toLocaleString("en") + " of " + rows.length.toLocaleString("en") + " decided";
  }

  function filter() {
    const wanted = fields.state.value;
    const reason = section.querySelector(".filter input:checked");
    const kind = reason && reason.id !== "all" ? reason.id : "";
    const words = fields.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row, at) => {
      const decision = decided(at) || "open";
      let shown = (!wanted || wanted === decision) && (!kind || row.classList.contains(kind));
      if (shown && words.length) {
        if (texts[at] === undefined) texts[at] = row.textContent.toLowerCase();
        shown = words.every((word) => texts[at].includes(word));
      }
      row.classList.toggle("out", !shown);
    });
    for (const block of blocks) block.classList.toggle("out", !block.querySelector("tr:not(.out)"));
  }

  function showAll() {
    fields.by.value = state.by;
    fields.keys.checked = state.keys;
    rows.forEach((_row, at) => show(at));
    count();
    filter();
  }

  // Where we are -------------------------------------------------------------------------------------------------

  const visible = (at) => !rows[at].classList.contains("out");

  function find(from, step, fits) {
    for (let at = from; at >= 0 && at < rows.length; at += step) if (visible(at) && fits(at)) return at;
    return -1;
  }

  function mark(at) {
    if (current >= 0) {
      rows[current].classList.remove("current");
      rows[current].removeAttribute("aria-current");
    }
    current = at;
    rows[at].classList.add("current");
    rows[at].setAttribute("aria-current", "true");
  }

  function go(at) {
    if (at < 0) return;
    prepare(at);
    mark(at);
    rows[at].tabIndex = -1;
    rows[at].focus({ preventScroll: true });
    rows[at].scrollIntoView({ block: "nearest" });
  }

  function step(by) {
    const at = find(current < 0 ? 0 : current + by, by, () => true);
    if (at < 0) say(by > 0 ? "This is the last item." : "This is the first item.");
    go(at);
  }

  // What is decided ----------------------------------------------------------------------------------------------

  const now = () => new Date().toISOString().replace(/\.\d+Z$/, "Z");

  function put(at, entry) {
    if (entry) state.decisions[items[at].pointer] = entry;
    else delete state.decisions[items[at].pointer];
    show(at);
  }

  function remember(at) {
    const before = state.decisions[items[at].pointer];
    state.undo.push({ pointer: items[at].pointer, before: before ? Object.assign({}, before) : null });
    state.undo.splice(0, state.undo.length - MOST_UNDO);
  }

  function decide(at, decision, advance) {
    const before = state.decisions[items[at].pointer] || {};
    const again = before.decision === decision;
    remember(at);
    put(at, again && !before.comment ? null
      : { decision: again ? "" : decision, comment: before.comment || "", at: now(), dhash: items[at].dhash });
    // Looked for before the filter may take this row away.
    const next = advance && !again ? find(at + 1, 1, (other) => !decided(other)) : -1;
    save();
    count();
    const name = rows[at].querySelector(".name").textContent;
    say(name + (again ? ": not decided" : ": " + LABELS[decision]));
    if (fields.state.value) filter();
    if (next >= 0) go(next);
    else if (advance && !again && items.every((_item, other) => decided(other))) {
      say("Every item is decided. Export now.");
    }
  }

  function undo() {
    const last = state.undo.pop();
    if (!last || !byPointer.has(last.pointer)) {
      say("Nothing to undo.");
      return;
    }
    const at = byPointer.get(last.pointer);
    put(at, last.before);
    save();
    count();
    filter();
    say("Undone: " + rows[at].querySelector(".name").textContent);
    if (visible(at)) go(at);
  }

  function comment(at, text) {
    const before = state.decisions[items[at].pointer] || { decision: "", at: now(), dhash: items[at].dhash };
    const entry = Object.assign({}, before, { comment: text });
    put(at, entry.decision || text ? entry : null);
    saveSoon();
  }

  // Files --------------------------------------------------------------------------------------------------------

  function exported() {
    const decisions = [];
    items.forEach((item, at) => {
      const found = state.decisions[item.pointer];
      if (!found || !found.decision) return;
      decisions.push({ pointer: item.pointer, dhash: item.dhash, image: item.image, decision: found.decision,
        by: found.by || state.by, at: found.at, comment: found.comment || "" });
    });
    return { format: FORMAT, version: 1, library: library, exported_at: now(), decisions: decisions };
  }

  function download() {
    save();
    const file = exported();
    if (!file.decisions.length) {
      say("There are no decisions to export yet.");
      return;
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(file, null, 2) + "\n"], { type: "application/json" }));
    link.download = "decisions-" + library.sha256.slice(0, 12) + ".json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    say(file.decisions.length + " decisions exported to " + link.download + (state.by ? "" : ", without a name"));
  }

  function load(text) {
    let file = null;
    try {
      file = JSON.parse(text);
    } catch (error) {
      file = null;
    }
    if (!file || file.format !== FORMAT || !Array.isArray(file.decisions)) {
      say("Not a decisions file.");
      return;
    }
    let taken = 0;
    for (const each of file.decisions) {
      const at = each && byPointer.has(each.pointer) ? byPointer.get(each.pointer) : -1;
      if (at < 0 || items[at].dhash !== each.dhash || !LABELS[each.decision]) continue;
      remember(at);
      put(at, { decision: each.decision, comment: String(each.comment || "").slice(0, 1000),
        at: String(each.at || now()), by: String(each.by || "").slice(0, 100), dhash: each.dhash });
      taken += 1;
    }
    save();
    count();
    filter();
    say(taken + " decisions loaded from the file, " + (file.decisions.length - taken) + " do not match this queue");
  }

  // Events -------------------------------------------------------------------------------------------------------

  const rowOf = (target) => (target.closest ? rows.indexOf(target.closest(".queue tbody tr")) : -1);
  const commands = { next: () => step(1), previous: () => step(-1), undo: undo, export: download };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button && button.dataset.go) commands[button.dataset.go]();
    const at = rowOf(event.target);
    if (at >= 0 && button && button.dataset.do) decide(at, button.dataset.do, false);
    if (at >= 0) mark(at);
  });
  table.addEventListener("input", (event) => {
    const at = rowOf(event.target);
    if (at >= 0 && event.target.classList.contains("comment")) comment(at, event.target.value);
  });
  table.addEventListener("focusin", (event) => {
    const at = rowOf(event.target);
    if (at >= 0 && at !== current) mark(at);
  });
  fields.by.addEventListener("input", () => {
    state.by = fields.by.value.trim();
    saveSoon();
  });
  fields.keys.addEventListener("change", () => {
    state.keys = fields.keys.checked;
    save();
  });
  fields.state.addEventListener("change", filter);
  section.addEventListener("change", (event) => event.target.name === "reason" && filter());
  fields.search.addEventListener("input", filter);
  fields.load.addEventListener("change", () => {
    const file = fields.load.files[0];
    if (file) file.text().then(load);
    fields.load.value = "";
  });
  document.addEventListener("visibilitychange", () => timer && save());
  window.addEventListener("pagehide", () => timer && save());
  window.addEventListener("beforeunload", (event) => {
    if (!stored && Object.keys(state.decisions).length) event.preventDefault();
  });
  // Another tab with the same library.
  window.addEventListener("storage", (event) => {
    if (event.key !== KEY) return;
    read();
    showAll();
  });

  const KEYS = { a: "accept", w: "wrong_picture", l: "leave_out" };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=radio]):not([type=checkbox]), select, textarea");
    if (event.key === "Escape" && typing) {
      if (rowOf(event.target) >= 0) go(rowOf(event.target));
      else event.target.blur();
    }
    if (typing || !state.keys || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const done = pressed(event.key);
    if (done) event.preventDefault();
  });

  function pressed(key) {
    if (KEYS[key] && current >= 0 && visible(current)) decide(current, KEYS[key], true);
    else if (KEYS[key]) step(1);
    else if (key === "j" || key === "n") step(1);
    else if (key === "k" || key === "p") step(-1);
    else if (key === "u") undo();
    else if (key === "e") download();
    else if (key === "/") fields.search.focus();
    else if (key === "c" && current >= 0) {
      prepare(current);
      rows[current].querySelector(".comment").focus();
    } else return false;
    return true;
  }

  // Start: controls are made as rows become visible, so that 5,000 rows open at once.
  read();
  const watcher = new IntersectionObserver((seen) => {
    for (const each of seen) {
      if (!each.isIntersecting) continue;
      watcher.unobserve(each.target);
      const first = rows.indexOf(each.target.rows[0]);
      for (let at = first; at < first + each.target.rows.length; at += 1) prepare(at);
    }
  }, { rootMargin: "600px" });
  blocks.forEach((block) => watcher.observe(block));
  showAll();
})();
