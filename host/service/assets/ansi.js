// Output with terminal colours as nodes: the same colours and weights as the server's own rendering. Text stays text.

const ESCAPE = /\u001b(?:\[([0-?]*)[ -/]*([@-~])|[\]P_^][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[^[\]P_^]|$)/g;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Applies the parameters of one colour sequence to a look. */
function apply(look, parameters) {
  // What begins so is a terminal's private business.
  if (/^[<-?]/.test(parameters)) return;
  const codes = parameters.split(/[;:]/).map(Number);
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    if (code === 0) { look.color = -1; look.bold = false; }
    else if (code === 1) look.bold = true;
    else if (code === 22) look.bold = false;
    else if (code === 39) look.color = -1;
    else if (code >= 30 && code <= 37) look.color = code - 30;
    else if (code >= 90 && code <= 97) look.color = code - 82;
    else if (code === 38 || code === 48) {
      // Colours of 256 and more: their parameters are no codes of their own.
      if (codes[at + 1] === 5) {
        if (code === 38) look.color = codes[at + 2] < 16 ? codes[at + 2] : -1;
        at += 2;
      } else if (codes[at + 1] === 2) at += 4;
    }
  }
}

function put(target, text, look) {
  const shown = text.replace(/\r/g, "\u240d").replace(CONTROL, "");
  if (!shown) return;
  if (look.color < 0 && !look.bold) { target.append(shown); return; }
  const span = document.createElement("span");
  if (look.color >= 0) span.classList.add("c" + look.color);
  if (look.bold) span.classList.add("b");
  span.textContent = shown;
  target.append(span);
}

/** Fills an element with one line of output, which begins with what an earlier line left on: parameters, as `1;31`. */
export function paint(target, line, began = "") {
  const look = { color: -1, bold: false };
  if (began) apply(look, began);
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  let from = 0;
  for (const sequence of text.matchAll(ESCAPE)) {
    put(target, text.slice(from, sequence.index), look);
    if (sequence[2] === "m") apply(look, sequence[1]);
    from = sequence.index + sequence[0].length;
  }
  put(target, text.slice(from), look);
}
