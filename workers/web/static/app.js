"use strict";
// The live log of a run. Everything else on the pages works without a script.
(() => {
  const box = document.querySelector("[data-run]");
  if (!box) return;
  const api = `/api/runs/${box.dataset.run}`;
  const part = (name) => box.querySelector(`[data-${name}]`);
  const log = part("log"), earlier = part("earlier"), stick = part("stick"), search = part("search");
  const live = part("live"), progress = part("progress");
  const MOST_LINES = 20000;
  const rows = new Map();
  let start = 0, end = 0;

  // ANSI colours become classes: the policy of the page allows no inline style.
  function coloured(text) {
    const found = document.createElement("span");
    let classes = [];
    for (const piece of text.split(/(\u001b\[[0-9;]*[A-Za-z])/)) {
      const code = /^\u001b\[([0-9;]*)m$/.exec(piece);
      if (code) {
        for (const number of code[1].split(";").map(Number)) classes = number ? [...classes, `a${number}`] : [];
      } else if (piece && piece[0] !== "\u001b") {
        const span = document.createElement("span");
        span.className = classes.join(" ");
        span.textContent = piece;
        found.append(span);
      }
    }
    return found;
  }

  function row(line) {
    const found = document.createElement("div"), time = document.createElement("time");
    found.className = `line ${line.kind}`;
    time.textContent = line.time.slice(11, 19);
    found.append(time, coloured(line.text));
    return found;
  }

  function note(line) {
    if (!line.subject) return;
    let shown = rows.get(line.subject);
    if (!shown) {
      shown = document.createElement("div");
      shown.append(document.createElement("span"), document.createElement("code"));
      shown.lastChild.textContent = line.subject.replace(/^module\.stack\./, "");
      rows.set(line.subject, shown);
      progress.append(shown);
      progress.hidden = false;
    }
    shown.firstChild.className = `state ${line.state}`;
    shown.firstChild.textContent = line.state;
  }

  function add(lines) {
    const all = document.createDocumentFragment();
    for (const line of lines) { all.append(row(line)); note(line); }
    log.append(all);
    while (log.childElementCount > MOST_LINES) earlier.nextElementSibling.remove();
    if (stick.checked) log.scrollTop = log.scrollHeight;
  }

  async function get(path) {
    const answer = await fetch(api + path, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  }

  function follow() {
    const source = new EventSource(`${api}/log/live?after=${end}`);
    live.textContent = "live";
    live.classList.add("on");
    source.onmessage = (message) => { const piece = JSON.parse(message.data); end = piece.end; add(piece.lines); };
    source.addEventListener("end", () => { source.close(); live.classList.remove("on"); live.textContent = "ended"; });
  }

  async function more() {
    const piece = await get(`/log?before=${start}`), top = log.scrollHeight - log.scrollTop;
    const all = document.createDocumentFragment();
    for (const line of piece.lines) all.append(row(line));
    earlier.after(all);
    start = piece.start;
    earlier.hidden = start === 0;
    log.scrollTop = log.scrollHeight - top;
  }

  let asked = 0;
  async function find() {
    const text = search.value.trim(), mine = ++asked;
    for (const old of [...log.querySelectorAll(".found")]) old.remove();
    for (const line of log.querySelectorAll(".line")) line.hidden = Boolean(text);
    earlier.hidden = Boolean(text) || start === 0;
    if (!text) { if (stick.checked) log.scrollTop = log.scrollHeight; return; }
    const lines = await get(`/log/search?text=${encodeURIComponent(text)}`);
    if (mine !== asked) return;
    const all = document.createDocumentFragment();
    for (const line of lines.lines) {
      const shown = row(line), plain = shown.lastChild.textContent, at = plain.toLowerCase().indexOf(text.toLowerCase());
      if (at >= 0) {
        const mark = document.createElement("mark"), rest = document.createElement("span");
        mark.textContent = plain.slice(at, at + text.length);
        rest.append(plain.slice(0, at), mark, plain.slice(at + text.length));
        shown.lastChild.replaceWith(rest);
      }
      shown.classList.add("found");
      all.append(shown);
    }
    if (!lines.lines.length) { const none = document.createElement("p"); none.className = "nothing found"; none.textContent = "No line has this text."; all.append(none); }
    log.append(all);
  }

  let timer = 0;
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(find, 250); });
  earlier.addEventListener("click", more);
  log.addEventListener("wheel", (event) => { if (event.deltaY < 0) stick.checked = false; }, { passive: true });
  document.addEventListener("keydown", (event) => {
    const typing = /INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing) { event.preventDefault(); search.focus(); }
    if (event.key === "Escape" && document.activeElement === search) { search.value = ""; find(); search.blur(); }
  });

  (async () => {
    const piece = await get("/log");
    ({ start, end } = piece);
    earlier.hidden = start === 0;
    add(piece.lines);
    if (start > 0) get("/progress").then((found) => found.lines.forEach(note));
    log.dataset.ready = "yes";
    if (box.dataset.ended === "no") follow();
  })();
})();
