// The log viewer: however long a log is, only the lines in sight are nodes. Lines come from the API in pages, and are
// kept while they are near.

import { paint } from "./ansi.js";

/** Height of a line in pixels, as the style sheet has it. */
const LINE = 20;
/** Browsers lay nothing out beyond some ten million pixels: a longer log scrolls in bigger steps. */
const TALLEST = 8_000_000;
/** Lines of one request, and requests whose answers are kept. */
const PAGE = 500;
const KEPT = 40;
/** Lines rendered beyond what is in sight. */
const MARGIN = 25;
/** Lines that may stay rendered because they are selected. */
const SELECTED = 1_000;
/** Letters of a line that are shown until all are asked for. */
const LONG = 2_000;
/** Matches of one search request, and such requests for one step back. */
const MATCHES = 1_000;
const STEPS_BACK = 50;

class Log {
  constructor(section) {
    this.section = section;
    this.api = section.dataset.log;
    this.total = Number(section.dataset.total);
    this.pages = new Map();
    this.asked = new Map();
    this.rows = new Map();
    this.whole = new Set();
    this.wrap = false;
    this.follow = false;
    this.held = false;
    this.touched = -Infinity;
    this.found = { query: "", matches: [], from: 1, next: null, at: 0 };
    this.range = null;
    this.build();
    this.begin();
  }

  /** Begins at the line that the address names, else at the end, which it follows while more may come. */
  begin() {
    const from = Number(new URLSearchParams(location.search).get("from"));
    if (this.toHash()) return;
    if (from) this.go(from);
    else if (this.section.dataset.finished === "true") this.end();
    else this.setFollow(true);
  }

  build() {
    this.view = this.section.querySelector(".lines");
    this.view.replaceChildren();
    this.view.tabIndex = 0;
    this.view.setAttribute("role", "region");
    this.view.setAttribute("aria-label", "Log lines");
    this.space = this.view.appendChild(document.createElement("div"));
    this.space.className = "space";
    this.block = this.space.appendChild(document.createElement("div"));
    this.block.className = "block";
    this.section.classList.add("windowed");
    this.tools();
    this.view.addEventListener("scroll", () => this.scrolled(), { passive: true });
    for (const touch of ["wheel", "touchmove", "keydown"]) {
      this.view.addEventListener(touch, () => { this.touched = performance.now(); }, { passive: true });
    }
    this.view.addEventListener("pointerdown", () => { this.held = true; });
    window.addEventListener("pointerup", () => { this.held = false; });
    this.view.addEventListener("click", event => this.clicked(event));
    document.addEventListener("keydown", event => this.key(event));
    window.addEventListener("hashchange", () => this.toHash());
    new ResizeObserver(() => this.stay()).observe(this.view);
  }

  tools() {
    const tools = this.section.querySelector(".tools");
    const button = (name, key, act) => {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = name;
      made.title = `${name} (${key})`;
      made.addEventListener("click", act);
      return made;
    };
    this.count = document.createElement("output");
    this.count.className = "count";
    this.count.setAttribute("aria-live", "polite");
    this.followButton = button("Follow", "f", () => this.setFollow(!this.follow));
    this.wrapButton = button("Wrap", "w", () => this.setWrap(!this.wrap));
    const buttons = document.createElement("div");
    buttons.className = "buttons";
    buttons.append(
      this.count,
      button("Previous", "N", () => this.step(-1)),
      button("Next", "n", () => this.step(1)),
      button("Top", "g", () => this.go(1)),
      button("End", "G", () => this.end()),
      this.followButton,
      this.wrapButton,
    );
    tools.append(buttons);
    this.pressed();
    this.input = tools.querySelector("input[type=search]");
    const form = this.input.form;
    let timer = 0;
    form.addEventListener("submit", event => {
      event.preventDefault();
      clearTimeout(timer);
      if (this.found.query === this.input.value) this.step(1);
      else this.search(this.input.value);
    });
    this.input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.search(this.input.value), 120);
    });
    this.input.addEventListener("keydown", event => {
      if (event.key === "Escape") { this.input.value = ""; this.search(""); this.view.focus(); }
    });
    if (this.input.value) this.search(this.input.value);
  }

  pressed() {
    this.followButton.setAttribute("aria-pressed", String(this.follow));
    this.wrapButton.setAttribute("aria-pressed", String(this.wrap));
  }

  // Lines -----------------------------------------------------------------------------------------------------------

  /** A line, if it is here. */
  line(number) {
    return this.pages.get(Math.floor((number - 1) / PAGE))?.[(number - 1) % PAGE];
  }

  /** Asks for a page of lines, once. */
  load(page) {
    if (this.asked.has(page)) return this.asked.get(page);
    const wanted = this.read(page).finally(() => this.asked.delete(page));
    this.asked.set(page, wanted);
    return wanted;
  }

  async read(page) {
    const lines = [];
    const end = (page + 1) * PAGE;
    // A page of very long lines comes in several answers.
    for (;;) {
      const from = page * PAGE + lines.length + 1;
      const answer = await this.get(`/lines?from=${from}&limit=${end - from + 1}`);
      if (!answer) return;
      // What there was none of, there is some of now.
      if (!this.total && answer.total) this.count.textContent = "";
      // A log only grows: an answer that was overtaken by another knows less.
      this.total = Math.max(this.total, answer.total);
      this.section.dataset.total = String(this.total);
      this.section.dataset.finished = String(answer.finished);
      for (const line of answer.lines) lines.push(line);
      if (!answer.lines.length || page * PAGE + lines.length >= Math.min(end, answer.total)) break;
    }
    this.pages.delete(page);
    this.pages.set(page, lines);
    for (const old of this.pages.keys()) {
      if (this.pages.size <= KEPT) break;
      this.pages.delete(old);
    }
    this.stay();
  }

  async get(path) {
    try {
      const answer = await fetch(this.api + path, { headers: { accept: "application/json" } });
      return answer.ok ? await answer.json() : null;
    } catch {
      return null;
    }
  }

  /** More came: the last page is read again, and what follows it. */
  async grown() {
    const last = Math.max(0, Math.floor((this.total - 1) / PAGE));
    const before = this.total;
    if (this.asked.has(last)) await this.asked.get(last);
    // The last line may have grown too.
    this.rows.get(before)?.remove();
    this.rows.delete(before);
    await this.load(last);
    this.stay();
  }

  // What is in sight ------------------------------------------------------------------------------------------------

  get tall() { return Math.min(this.total * LINE, TALLEST); }

  /** Pixels of the log for each pixel of the scroll bar. */
  get scale() {
    const seen = this.view.clientHeight;
    return this.tall <= seen ? 1 : Math.max(1, (this.total * LINE - seen) / (this.tall - seen));
  }

  scrolled() {
    // Only what the reader does ends the following: lines that come and bars that go scroll, too.
    const byReader = this.held || performance.now() - this.touched < 1000;
    if (this.follow && byReader && !this.isAtEnd()) this.setFollow(false);
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => { this.frame = 0; this.render(); });
  }

  isAtEnd() { return this.view.scrollTop + this.view.clientHeight >= this.space.offsetHeight - LINE; }

  render() {
    const height = `${this.tall}px`;
    if (this.space.style.height !== height) this.space.style.height = height;
    const seen = Math.max(this.view.clientHeight, LINE);
    const top = this.view.scrollTop * this.scale;
    const at = Math.min(Math.floor(top / LINE) + 1, Math.max(this.total, 1));
    // Lines that are taller than one: what is in sight begins with a whole one, and at the end the last is whole.
    const loose = this.wrap || this.whole.size > 0;
    let first = Math.max(1, at - (loose ? 0 : MARGIN));
    let last = Math.min(this.total, at + Math.ceil(seen / LINE) + MARGIN);
    const toEnd = loose && this.isAtEnd() && this.total * LINE > seen;
    if (toEnd) { last = this.total; first = Math.max(1, last - Math.ceil(seen / LINE) - MARGIN); }
    this.visible = [at, Math.min(this.total, at + Math.floor(seen / LINE) - 1)];
    [first, last] = this.withSelection(first, last);
    this.place(first, last);
    const shift = this.view.scrollTop - (top - (first - 1) * LINE);
    const y = toEnd ? this.tall - this.block.offsetHeight : Math.max(0, shift);
    this.block.style.transform = `translateY(${y}px)`;
    this.highlight();
  }

  /** What is selected stays, so that it can be copied. */
  withSelection(first, last) {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed || this.wrap || this.whole.size || this.scale > 1) return [first, last];
    const lines = [selection.anchorNode, selection.focusNode].map(node => {
      const element = node instanceof Element ? node : node?.parentElement;
      return this.block.contains(element) ? Number(element.closest("[data-line]")?.dataset.line) : NaN;
    });
    if (lines.some(Number.isNaN)) return [first, last];
    const [low, high] = [Math.min(first, ...lines), Math.max(last, ...lines)];
    return high - low <= SELECTED ? [low, high] : [first, last];
  }

  /** Makes the rows those of these lines. Rows that stay are left alone. */
  place(first, last) {
    for (const [number, row] of this.rows) {
      if (number < first || number > last) { row.remove(); this.rows.delete(number); }
    }
    let after = null;
    for (let number = last; number >= first; number -= 1) {
      const line = this.line(number);
      let row = this.rows.get(number);
      if (!row || (line && row.dataset.wait)) {
        const made = this.row(number, line);
        if (row) row.replaceWith(made); else this.block.insertBefore(made, after);
        this.rows.set(number, made);
        row = made;
      }
      row.classList.toggle("chosen", !!this.range && number >= this.range[0] && number <= this.range[1]);
      row.classList.toggle("found", number === this.found.at);
      after = row;
    }
    for (let page = Math.floor((first - 1) / PAGE); last >= first && page <= Math.floor((last - 1) / PAGE); page += 1) {
      const lines = this.pages.get(page);
      const wanted = Math.min(PAGE, this.total - page * PAGE);
      if (!lines || lines.length < wanted) this.load(page);
    }
  }

  row(number, line) {
    const row = document.createElement("div");
    row.className = "row";
    row.dataset.line = String(number);
    const link = row.appendChild(document.createElement("a"));
    link.className = "no";
    link.href = `#L${number}`;
    link.tabIndex = -1;
    link.textContent = String(number);
    const text = row.appendChild(document.createElement("span"));
    text.className = "text";
    if (!line) { row.dataset.wait = "1"; return row; }
    const whole = line.text.length <= LONG || this.whole.has(number);
    paint(text, whole ? line.text : line.text.slice(0, LONG), line.look);
    if (!whole) {
      const more = row.appendChild(document.createElement("button"));
      more.type = "button";
      more.className = "more";
      more.textContent = `show all ${line.text.length.toLocaleString("en")} characters`;
    } else if (line.text.length > LONG) {
      const raw = row.appendChild(document.createElement("a"));
      raw.className = "more";
      raw.href = `${this.api}?offset=${line.offset}`;
      raw.textContent = "from here on, as it was printed";
      row.classList.add("whole");
    }
    return row;
  }

  // Moving ----------------------------------------------------------------------------------------------------------

  /** Brings a line into sight. */
  go(number, quietly) {
    if (!quietly) this.setFollow(false);
    const room = number === 1 ? 0 : Math.floor(this.view.clientHeight / 3);
    this.space.style.height = `${this.tall}px`;
    this.view.scrollTop = Math.max(0, (number - 1) * LINE - room) / this.scale;
    this.render();
  }

  end() {
    this.space.style.height = `${this.tall}px`;
    this.view.scrollTop = this.tall;
    this.render();
  }

  /** What is in sight changed under the reader: who follows sees the end of it. */
  stay() {
    if (this.follow) this.end();
    else this.render();
  }

  setFollow(follow) {
    this.follow = follow;
    this.pressed();
    if (follow) this.end();
  }

  setWrap(wrap) {
    const at = this.visible?.[0] ?? 1;
    const end = this.isAtEnd();
    this.wrap = wrap;
    this.section.classList.toggle("wrap", wrap);
    this.pressed();
    if (end) this.end(); else { this.view.scrollTop = ((at - 1) * LINE) / this.scale; this.render(); }
  }

  /** `#L12` or `#L12-L20`. */
  toHash() {
    const named = /^#L(\d+)(?:-L?(\d+))?$/.exec(location.hash);
    if (!named) return false;
    const ends = [Number(named[1]), Number(named[2] ?? named[1])].sort((a, b) => a - b);
    this.range = ends;
    this.go(Math.min(ends[0], Math.max(this.total, 1)));
    return true;
  }

  clicked(event) {
    const number = Number(event.target.closest("[data-line]")?.dataset.line);
    if (event.target.matches("button.more")) {
      this.whole.add(number);
      this.rows.get(number)?.remove();
      this.rows.delete(number);
      this.render();
    } else if (event.target.matches("a.no")) {
      event.preventDefault();
      const other = event.shiftKey && this.range ? this.range[0] : number;
      this.range = [Math.min(number, other), Math.max(number, other)];
      this.setFollow(false);
      history.replaceState(null, "", this.range[0] === this.range[1] ? `#L${number}` : `#L${this.range.join("-L")}`);
      this.render();
    }
  }

  key(event) {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      "/": () => { this.input.focus(); this.input.select(); },
      g: () => this.go(1),
      G: () => this.end(),
      f: () => this.setFollow(!this.follow),
      w: () => this.setWrap(!this.wrap),
      n: () => this.step(1),
      N: () => this.step(-1),
    };
    const act = acts[event.key];
    if (act) { event.preventDefault(); act(); }
  }

  // Finding ---------------------------------------------------------------------------------------------------------

  matches(query, from) { return this.get(`/search?q=${encodeURIComponent(query)}&from=${from}&limit=${MATCHES}`); }

  /** Finds the first match from what is in sight on, else from the top. */
  search(query) {
    this.searching = this.find(query);
    return this.searching;
  }

  async find(query) {
    this.found = { query, matches: [], from: 1, next: null, at: 0 };
    this.count.textContent = "";
    if (!query) { this.render(); return; }
    const from = this.visible?.[0] ?? 1;
    let answer = await this.matches(query, from);
    let begin = from;
    if (answer && !answer.matches.length && from > 1) { begin = 1; answer = await this.matches(query, 1); }
    if (!answer || this.found.query !== query) return;
    this.found = { query, matches: answer.matches.map(match => match.line), from: begin, next: answer.next, at: 0 };
    this.show(this.found.matches[0] ?? 0);
  }

  show(number) {
    const found = this.found;
    found.at = number;
    const index = found.matches.indexOf(number);
    const more = found.next === null ? "" : "+";
    const known = found.from === 1 ? `${(index + 1).toLocaleString("en")} of ` : "";
    this.count.textContent = number
      ? `${known}${found.matches.length.toLocaleString("en")}${more} ${found.from === 1 ? "" : "from here on"}`.trim()
      : "not found";
    if (!number) { this.render(); return; }
    const [low, high] = this.visible ?? [0, 0];
    this.setFollow(false);
    if (number <= low || number >= high) this.go(number); else this.render();
  }

  /** The next match, or the one before; around the ends. */
  async step(by) {
    await this.searching;
    const { query } = this.found;
    if (!query) { this.input.focus(); return; }
    const index = this.found.matches.indexOf(this.found.at) + by;
    if (index >= this.found.matches.length) await this.further();
    else if (index < 0) await this.back();
    if (this.found.query !== query || !this.found.matches.length) return;
    const place = this.found.matches.indexOf(this.found.at) + by;
    const count = this.found.matches.length;
    this.show(this.found.matches[(place + count) % count]);
  }

  async further() {
    const found = this.found;
    if (found.next === null) { await this.fromTop(); return; }
    const answer = await this.matches(found.query, found.next);
    if (!answer || this.found !== found) return;
    for (const match of answer.matches) found.matches.push(match.line);
    found.next = answer.next;
  }

  /** Matches before the first that is known: all of them from the top on. */
  async back() {
    await this.fromTop();
    const found = this.found;
    for (let step = 0; step < STEPS_BACK && found.next !== null && (found.matches.at(-1) ?? 0) < found.at; step += 1) {
      await this.further();
      if (this.found !== found) return;
    }
  }

  async fromTop() {
    if (this.found.from === 1) return;
    const { query, at } = this.found;
    const answer = await this.matches(query, 1);
    if (!answer || this.found.query !== query) return;
    this.found = { query, matches: answer.matches.map(match => match.line), from: 1, next: answer.next, at };
  }

  /** Marks what was found without a node for it. */
  highlight() {
    if (!CSS.highlights) return;
    const { query } = this.found;
    if (!query) { CSS.highlights.delete("found"); return; }
    const ranges = [];
    for (const row of this.rows.values()) {
      const texts = document.createTreeWalker(row.querySelector(".text"), NodeFilter.SHOW_TEXT);
      for (let text = texts.nextNode(); text; text = texts.nextNode()) {
        for (let at = text.data.indexOf(query); at >= 0; at = text.data.indexOf(query, at + query.length)) {
          const range = new Range();
          range.setStart(text, at);
          range.setEnd(text, at + query.length);
          ranges.push(range);
        }
      }
    }
    CSS.highlights.set("found", new Highlight(...ranges));
  }
}

/** Makes every log of the page one that can be moved through. */
export function openLogs() {
  return Array.from(document.querySelectorAll("section.log[data-log]"), section => new Log(section));
}
