"use strict";
// Text from models reaches the page through textContent alone.
(() => {
  const PAGE = 200; // rows of the list that are made at a time
  const CHUNK = 6000; // characters of a long text that are shown at first, and per click
  const MAX_ESCAPES = 3000; // escapes of one text that get an element of their own
  const MAX_HIGHLIGHT = 20000;

  const $ = (id) => document.getElementById(id);
  const KEPT = 6; // files with transcripts that stay in memory
  const index = JSON.parse($("index").textContent);
  let preamble = "";
  let shared = {}; // texts with which the conversations of a run begin, by their hash
  let episodes = [];
  let files = null; // names of the files with transcripts; null if the page itself holds them
  let byNumber = new Map();
  let repeated = false; // whether items have several answers
  const texts = new Map(); // number -> all that was said, in lower case; only of transcripts in the page
  const state = { query: "", task: "", term: "", from: NaN, to: NaN, order: "index", outcomes: new Set(), shown: [], made: 0,
    current: null, opening: 0, search: 0 };

  // Files beside the page are scripts that hand over base64 of gzip of JSON: a page opened from disk can load no others.
  const waiting = new Map(); // key of a file -> what to do with its data
  globalThis.quintainFile = (key, data) => waiting.get(key)?.(data);
  const loaded = new Map(); // name -> promise of the data, the most recently used last

  async function unpacked(base64) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  function load(name) {
    const known = loaded.get(name);
    loaded.delete(name);
    const promise = known || new Promise((resolve, reject) => {
      const script = document.createElement("script");
      waiting.set(name.split("-")[0], resolve);
      script.onerror = () => reject(new Error(`${decodeURIComponent(index.folder)}/${name} is not there. Keep this folder beside the page.`));
      script.onload = () => script.remove();
      script.src = `${index.folder}/${name}`;
      document.head.append(script);
    }).then(unpacked);
    promise.catch(() => loaded.delete(name));
    loaded.set(name, promise);
    if (loaded.size > KEPT) loaded.delete(loaded.keys().next().value);
    return promise;
  }

  /** Return the transcript of an episode; a promise of it where it lies in a file beside the page. */
  function transcriptOf(number) {
    if (!files) return JSON.parse($("e" + number).textContent);
    return load(files[byNumber.get(number).file]).then((all) => all.find((data) => data.i === number));
  }

  /** Make an element; children are nodes, or strings that become text. */
  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === false || value === null || value === undefined) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((c) => c !== null && c !== undefined));
    return element;
  }

  // What a browser would obey or hide rather than show.
  const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udc7f]/g;

  function escapeOf(seen) {
    const code = seen.codePointAt(0);
    if (code <= 0xff) return "\\x" + code.toString(16).padStart(2, "0");
    return code <= 0xffff ? "\\u" + code.toString(16).padStart(4, "0") : "\\U" + code.toString(16).padStart(8, "0");
  }

  const plain = (text) => String(text).replace(UNSEEN, escapeOf);

  /** Return nodes that show a text literally, with what cannot be seen as marked escapes. */
  function visible(text) {
    const found = [...text.matchAll(UNSEEN)];
    if (found.length > MAX_ESCAPES) return [plain(text)];
    const nodes = [];
    let at = 0;
    for (const match of found) {
      if (match.index > at) nodes.push(text.slice(at, match.index));
      nodes.push(make("span", { class: "esc" }, escapeOf(match[0])));
      at = match.index + match[0].length;
    }
    if (at < text.length) nodes.push(text.slice(at));
    return nodes;
  }

  const TOKEN = /(#.*)|("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\b(and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|None|nonlocal|not|or|pass|raise|return|True|False|try|while|with|yield)\b|\b(\d[\w.]*)\b/g;

  function highlighted(code) {
    if (code.length > MAX_HIGHLIGHT) return visible(code);
    const nodes = [];
    let at = 0;
    for (const match of code.matchAll(TOKEN)) {
      if (match.index > at) nodes.push(...visible(code.slice(at, match.index)));
      const kind = match[1] ? "c" : match[2] ? "s" : match[3] ? "k" : "d";
      nodes.push(make("span", { class: kind }, ...visible(match[0])));
      at = match.index + match[0].length;
    }
    nodes.push(...visible(code.slice(at)));
    return nodes;
  }

  /** Show a text, the rest of a long one on demand. */
  function textBlock(text, className, show = visible) {
    const block = make("div", { class: className, dir: "auto" });
    let at = 0;
    const more = make("button", { type: "button", class: "grow" });
    const grow = () => {
      // A chunk never ends between the halves of a surrogate pair.
      let end = at + (at ? 10 * CHUNK : CHUNK);
      if (/[\ud800-\udbff]/.test(text.charAt(end - 1))) end += 1;
      block.append(...show(text.slice(at, end)));
      at = end;
      const left = text.length - at;
      more.hidden = left <= 0;
      more.textContent = `Show more (${left.toLocaleString("en")} characters left)`;
    };
    more.addEventListener("click", grow);
    grow();
    return text.length > at ? make("div", null, block, more) : block;
  }

  const FENCE = /^```([\w+-]*)[^\S\n]*\n([\s\S]*?)(?:^```[^\S\n]*$|$(?![\s\S]))/gm;

  /** Show a reply: prose as text, fenced blocks as code. */
  function reply(text) {
    const parts = [];
    let at = 0;
    for (const match of text.matchAll(FENCE)) {
      if (match.index > at) parts.push(textBlock(text.slice(at, match.index).trim(), "text"));
      const code = make("pre", { class: "code", tabindex: "0" });
      code.append(textBlock(match[2].replace(/\n$/, ""), "", highlighted));
      parts.push(code);
      at = match.index + match[0].length;
      if (parts.length > 200) break;
    }
    const rest = text.slice(at);
    if (rest.trim() || !parts.length) parts.push(textBlock(parts.length ? rest.trim() : rest, "text"));
    return parts;
  }

  const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 1).replace(/\n\s*/g, " "));
  /** Write data in one line: "position [1, 2], mask [1, 1]". */
  const compact = (value) => {
    if (Array.isArray(value)) return `[${value.map(compact).join(", ")}]`;
    if (value && typeof value === "object") return Object.entries(value).map(([k, v]) => `${k} ${compact(v)}`).join(", ");
    return String(value);
  };
  const number = (value) => (typeof value === "number" ? String(+value.toPrecision(5)) : plain(asText(value)));

  function turn(kind, who, note, ...body) {
    return make("section", { class: `turn ${kind}` }, make("header", null, make("b", null, plain(who)), make("span", null, note)), ...body);
  }

  function observation(step, k) {
    if (typeof step.observation !== "string") return turn("", "environment", "", textBlock(compact(step.observation), "text mono"));
    let text = step.observation;
    const body = [];
    if (preamble && text.startsWith(preamble)) {
      body.push(make("details", null, make("summary", null, "Rules, the same in every episode"), textBlock(preamble.trim(), "text")));
      text = text.slice(preamble.length);
    }
    const header = "Code Execution Results:\n";
    if (text.startsWith(header)) return turn("output", "execution results", "", textBlock(text.slice(header.length), "text mono"));
    return turn("", k === 0 ? "question" : "environment", "", ...body, textBlock(text, "text"));
  }

  function chat(steps, leftOut, reasoning) {
    const nodes = [];
    steps.forEach((step, k) => {
      if (leftOut.count && k === leftOut.at) nodes.push(make("p", { class: "note" }, leftOut.text));
      if (step.observation !== "" && step.observation !== null) nodes.push(observation(step, k));
      const note = step.reward ? `reward ${number(step.reward)}` : "";
      const [think, rest] = reasoning[k] || [];
      const body = typeof step.action === "string" ? reply(rest ?? step.action) : [textBlock(compact(step.action), "text mono")];
      nodes.push(turn("action", step.seat || "agent", note, think ? thoughts(think) : null, ...body));
      if (step.attack) nodes.push(turn("", "attack", "", textBlock(compact(step.attack), "text mono")));
    });
    return nodes;
  }

  function moves(steps, leftOut) {
    const seats = steps.some((s) => s.seat);
    const attacks = steps.some((s) => s.attack);
    const seen = steps.some((s) => s.observation !== null); // a run may leave observations out of its records
    const columns = ["step", seats && "seat", seen && "observation", "action", "reward", attacks && "attack"].filter(Boolean);
    const body = make("tbody");
    steps.forEach((step, k) => {
      if (leftOut.count && k === leftOut.at) body.append(make("tr", null, make("td", { colspan: columns.length, class: "note" }, leftOut.text)));
      const cell = (value, kind) => make("td", { class: kind }, number(value ?? ""));
      const place = leftOut.count && k >= leftOut.at ? k + leftOut.count : k;
      body.append(make("tr", null, cell(place, "num"), seats ? cell(step.seat, "") : null, seen ? cell(step.observation, "wide") : null,
        cell(step.action, "wide"), cell(step.reward, "num"), attacks ? cell(step.attack, "wide") : null));
    });
    const head = make("tr", null, ...columns.map((c) => make("th", { scope: "col" }, c)));
    return [make("div", { class: "scroll" }, make("table", { class: "moves" }, make("thead", null, head), body))];
  }

  function facts(pairs) {
    const items = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined);
    return make("dl", { class: "numbers" }, ...items.map(([label, value]) => make("div", null, make("dt", null, plain(label)), make("dd", null, number(value)))));
  }

  function transcript(data) {
    const leftOut = { count: data.left_out, at: data.left_out_at, text: `${data.left_out} steps are not on this page; episodes.jsonl has them.` };
    const isText = data.steps.some((s) => typeof s.observation === "string" || typeof s.action === "string");
    const nodes = isText ? chat(data.steps, leftOut, data.reasoning || {}) : moves(data.steps, leftOut);
    return nodes.length ? nodes : [make("p", { class: "small" }, "Nothing was played.")];
  }

  function verdict(data) {
    const rows = [];
    const labels = { answer: "answer", expected: "expected", detail: "why" };
    for (const [key, label] of Object.entries(labels)) {
      if (key in data.verdict) rows.push(make("dt", null, label), make("dd", null, textBlock(asText(data.verdict[key]), key === "detail" ? "text" : "text mono")));
    }
    for (const [key, value] of Object.entries(data.flags || {})) {
      if (value !== data.verdict.detail) rows.push(make("dt", null, key.replace("_", " ")), make("dd", null, textBlock(value === true ? "yes" : asText(value), "text")));
    }
    if (data.error) {
      rows.push(make("dt", null, "failed at"), make("dd", null, plain(`${data.error.boundary}${data.error.seat ? ", seat " + data.error.seat : ""} (${data.error.type})`)));
      rows.push(make("dt", null, "message"), make("dd", null, textBlock(String(data.error.message || ""), "text mono")));
      if (data.error.traceback)
        rows.push(make("dt", null, "where"), make("dd", null, textBlock(String(data.error.traceback), "text mono")));
    }
    return rows.length ? make("dl", { class: `verdict ${data.outcome}` }, ...rows) : null;
  }

  /** Return the text of a message, which may be that of a step, of the run, or begin like an earlier message. */
  function content(data, k) {
    const message = data.messages[k];
    if (message.whole !== undefined) return message.whole;
    const start = message.from === undefined ? "" : content(data, message.from).slice(0, message.keep);
    message.whole = message.o !== undefined ? data.steps[message.o].observation : message.a !== undefined ? data.steps[message.a].action
      : message.shared !== undefined ? shared[message.shared] : start + message.t;
    return message.whole;
  }

  /** Return the messages that a call sent, as indices. */
  function sent(data, k) {
    const call = data.calls[k];
    return (call.same ? sent(data, call.after).slice(0, call.same) : []).concat(call.new || []);
  }

  /** Fold something whose content is made when it is opened. */
  function folded(title, fill) {
    const details = make("details", null, make("summary", null, title));
    details.addEventListener("toggle", () => {
      if (details.open && details.childElementCount === 1) details.append(...fill());
    });
    return details;
  }

  const thoughts = (text) => folded("Reasoning", () => [textBlock(text, "text")]);

  function asked(data, k) {
    const call = data.calls[k];
    if (!call.settings) return null;
    const numbers = sent(data, k);
    const settings = Object.entries(call.settings).map(([name, value]) => `${name} ${plain(String(value))}`).join(", ");
    return folded(`Asked: ${numbers.length} message${numbers.length === 1 ? "" : "s"}`, () => [
      ...numbers.map((m) => turn("asked", data.messages[m].role, "", data.messages[m].reasoning ? thoughts(data.messages[m].reasoning) : null,
        textBlock(content(data, m), "text"))),
      call.prefill ? turn("asked", "the reply begins with", "", textBlock(call.prefill, "text")) : null,
      make("p", { class: "small" }, settings),
    ].filter(Boolean));
  }

  /** Return reasoning and text of a reply, whose text may be an action, or the beginning of one. */
  function answered(data, one) {
    if (one.a === undefined) return [one.reasoning, one.text];
    const action = data.steps[one.a].action, parts = (data.reasoning || {})[one.a] || [];
    if (one.cut) return [one.reasoning, action.slice(0, -one.cut)];
    return parts.length === 2 ? parts : [one.reasoning, action];
  }

  function calls(data) {
    if (!data.calls.length) return null;
    const answer = (one) => {
      const [reasoning, text] = answered(data, one);
      return [
        make("div", { class: "small" }, `${one.read} prompt tokens, ${one.wrote} generated${one.thought ? ` (${one.thought} reasoning)` : ""}, finish reason: ${plain(one.end)}`),
        reasoning ? thoughts(reasoning) : null, textBlock(text, "text mono")].filter(Boolean);
    };
    return folded(`${data.calls.length} call${data.calls.length === 1 ? "" : "s"} of the model`, () => [make("ol", { class: "small calls" },
      ...data.calls.map((call, k) => make("li", null, asked(data, k), call.seconds === undefined ? null : make("div", { class: "small" }, `model time: ${call.seconds} s`), ...call.replies.flatMap(answer))))]);
  }

  /** Return the evidence for each step of a candidate: its state, the formal statement and the proof. */
  function evidence(verified, k) {
    const counts = Object.entries(verified.states || {}).filter(([, count]) => count).map(([state, count]) => `${count} ${plain(state)}`);
    const row = (one) => make("tr", null, make("td", null, plain(one.step.trim())), make("td", null, plain(one.state)),
      make("td", { class: "wide" }, plain(one.statement || "")), make("td", { class: "wide" }, plain([one.reason, one.proof, one.log].filter(Boolean).join(": ").trim())));
    const head = ["step", "state", "statement", "proof, or why there is none"].map((name) => make("th", { scope: "col" }, name));
    return folded(`Steps of candidate ${k}: ${counts.join(", ") || "none"}${verified.timed_out ? "; time ran out" : ""}`, () => [
      make("div", { class: "scroll" }, make("table", { class: "moves steps" }, make("thead", null, make("tr", null, ...head)), make("tbody", null, ...verified.steps.map(row))))]);
  }

  /** Return the facts of a decision that are lists with one entry for each candidate. */
  function listsOf(decision) {
    const lists = Object.entries(decision.facts || {}).filter(([, value]) => Array.isArray(value) && value.length === decision.candidates.length);
    return { evidence: lists.filter(([, list]) => list.every((one) => one && one.steps)), numbers: lists.filter(([, list]) => list.every((one) => typeof one === "number")) };
  }

  /** Return the other facts of a decision, those within others under both names. */
  function factsOf(decision) {
    const lists = listsOf(decision), shown = new Set([...lists.evidence, ...lists.numbers].map(([name]) => name));
    const known = new Set(["method", "step", "seat", "history", "candidates", "feedback", "votes", "chosen", "answer", "agreement", "spent", "facts", "tree"]);
    const all = [...Object.entries(decision.facts || {}).filter(([name]) => !shown.has(name) && !(name in (decision.spent || {}))), ...Object.entries(decision).filter(([name]) => !known.has(name))];
    const flat = (name, value) => (value && typeof value === "object" && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, inner]) => flat(`${name} ${key}`, inner)) : [[name.replaceAll("_", " "), typeof value === "boolean" ? (value ? "yes" : "no") : value]]);
    return all.flatMap(([name, value]) => flat(name, value));
  }

  /** Return the candidates of a decision as a table, with their scores, and the vote of each answer. */
  function candidates(decision) {
    const lists = listsOf(decision);
    const names = [...new Set(decision.candidates.flatMap((one) => Object.keys(one.scores || {})))];
    const row = (one, k) => make("tr", null, make("td", { class: "num" }, `${k}${k === decision.chosen ? " (chosen)" : ""}`),
      make("td", { class: "wide" }, number(one.answer ?? "none")), make("td", { class: "num" }, number(one.tokens)),
      ...names.map((name) => make("td", { class: "num" }, number((one.scores || {})[name] ?? ""))),
      ...lists.numbers.map(([, list]) => make("td", { class: "num" }, number(list[k]))),
      make("td", { class: "wide" }, folded("Reply", () => [textBlock(one.text, "text mono")]),
        (decision.feedback || [])[k] ? folded("Feedback", () => [textBlock(decision.feedback[k], "text")]) : null));
    const head = ["candidate", "answer", "tokens", ...names, ...lists.numbers.map(([name]) => name), ""].map((name) => make("th", { scope: "col", class: name === "answer" || name === "candidate" ? "" : "num" }, plain(name)));
    return make("div", null, make("div", { class: "scroll" }, make("table", { class: "moves" }, make("thead", null, make("tr", null, ...head)), make("tbody", null, ...decision.candidates.map(row)))),
      ...lists.evidence.flatMap(([, list]) => list.map(evidence)));
  }

  /** Draw a node of a search tree, whose children are drawn when it is opened. */
  function branch(tree, k) {
    const children = tree.children[k].filter((child) => tree.parents[child] === k);
    const title = `value ${number(tree.values[k])}, ${tree.visits[k]} visits${tree.notes[k] ? ", " + plain(tree.notes[k].slice(0, 80)) : ""}: ${k ? plain(tree.steps[k].slice(0, 300)) : "question"}`;
    const node = children.length ? folded(title, () => children.map((child) => branch(tree, child))) : make("div", { class: "small" }, title);
    node.setAttribute("style", "margin-left: 16px");
    return node;
  }

  /** Say how each action was chosen among several replies. */
  function decisions(data) {
    return (data.decisions || []).map((one) => one.stopped ? make("div", { class: "small" }, `Stopped by ${plain(String(one.stopped))}, step ${one.step}`) : folded(`Chosen among ${one.candidates.length} candidate${one.candidates.length === 1 ? "" : "s"} (${plain(String(one.method || ""))}), step ${one.step}`, () => [
      ...(one.history || []).flatMap((earlier, k) => [make("div", { class: "small" }, `round ${k + 1}`), candidates(earlier)]),
      candidates(one),
      one.votes ? facts(Object.entries(one.votes).map(([answer, votes]) => [`votes for ${answer}`, votes])) : null,
      facts([["calls", (one.spent || {}).calls], ["tokens", (one.spent || {}).tokens], ...Object.entries(one.agreement || {}).map(([k, v]) => [k.replace("_", " "), v]),
        ...factsOf(one)]),
      one.tree ? folded(`Search tree, ${one.tree.parents.length} nodes`, () => [branch(one.tree, 0)]) : null,
    ].filter(Boolean)));
  }

  const badge = (data) => make("span", { class: "badge" }, make("span", { class: `swatch o-${data.outcome}` }), data.outcome.replace("_", " "));

  /** Return all parts of one episode but its heading. */
  function body(data) {
    const returns = Object.entries(data.returns);
    const scores = returns.map(([seat, value]) => [returns.length > 1 ? `return of ${seat}` : "reward", value]);
    const rest = Object.entries(data.info).filter(([key]) => key !== "task_hash");
    return [
      verdict(data),
      ...transcript(data),
      facts([...scores, ...Object.entries(data.terms), ...Object.entries(data.metrics).map(([k, v]) => [k.replace("_", " "), v]),
        ["tokens read", data.tokens[0] || ""], ["tokens generated", data.tokens[1] || ""], ["model time (s)", data.model_s ?? ""], [data.calls.length ? "time from start to end, waiting included (s)" : "seconds", data.wall_s], ...rest]),
      ...decisions(data),
      calls(data),
    ].filter(Boolean);
  }

  /** Say which answer to which item an episode is, in a run with several answers to each. */
  const answerOf = (episode) => (repeated && episode ? `item ${episode.item ?? episode.i}, answer ${(episode.repeat ?? 0) + 1}` : "");

  /** Return one of two runs' episodes with the same seed. */
  const side = (data, k) => make("section", null, make("h4", null, "AB"[k], badge(data)), ...body(data));

  async function open(index, focus) {
    const opening = ++state.opening;
    state.current = index;
    mark();
    let data = transcriptOf(index);
    if (data instanceof Promise) {
      $("episode").setAttribute("aria-busy", "true");
      try {
        data = await data;
      } catch (error) {
        if (opening === state.opening) $("episode").replaceChildren(make("p", { class: "note" }, plain(error.message)));
        return;
      }
      if (opening !== state.opening) return; // another one was opened meanwhile
      $("episode").removeAttribute("aria-busy");
    }
    const one = data.sides ? data.sides[0] : data;
    const at = state.shown.findIndex((e) => e.i === index);
    const step = (by, label) => {
      const target = at < 0 ? undefined : state.shown[at + by];
      return make("button", { type: "button", disabled: !target, onclick: () => go(target.i) }, label);
    };
    $("episode").replaceChildren(
      ...[
        make("div", { class: "head" },
          make("h3", null, `Episode ${index}`),
          data.sides ? null : badge(data),
          make("span", { class: "nav" }, step(-1, "Previous"), step(1, "Next")),
          make("span", { class: "id" }, plain([answerOf(byNumber.get(index)), one.task_id, `seed ${one.seed}`].filter(Boolean).join("  "))),
        ),
        ...(data.sides ? [make("div", { class: "sides" }, ...data.sides.map(side))] : body(data)),
      ],
    );
    if (focus) {
      $("episode").focus({ preventScroll: true });
      const top = $("episode").getBoundingClientRect().top;
      if (top < 0 || top > 0.6 * innerHeight) $("episode").scrollIntoView({ behavior: "instant" });
    }
  }

  function mark() {
    for (const link of $("list").querySelectorAll("a")) link.setAttribute("aria-current", String(link.dataset.i === String(state.current)));
  }

  /** Show an episode, and name it in the address. Browsers refuse too many changes of address at once. */
  function go(index) {
    open(index, true);
    try {
      history.pushState(null, "", `#episode=${index}`);
    } catch (error) {
      console.warn(error);
    }
  }

  function follow(event, index) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab or window of its own
    event.preventDefault();
    go(index);
  }

  function row(episode) {
    return make("li", null, make("a", { href: `#episode=${episode.i}`, "data-i": episode.i, "aria-current": String(episode.i === state.current),
      onclick: (event) => follow(event, episode.i) },
      make("span", { class: "swatches" }, ...[episode, episode.other].filter(Boolean)
        .map((e) => make("span", { class: `swatch o-${e.outcome}`, title: e.outcome.replace("_", " ") }))),
      make("span", { class: "number", title: answerOf(episode) }, repeated ? `${episode.item ?? episode.i}/${(episode.repeat ?? 0) + 1}` : String(episode.i), make("span", { class: "visually-hidden" }, " " + episode.outcome.replace("_", " "))),
      make("bdi", { class: "task" }, plain(episode.task || `${episode.steps} steps`)),
      make("span", { class: "reward" }, [episode, episode.other].filter(Boolean).map((e) => (value(e) === null ? "–" : number(value(e)))).join(" / ")),
      make("bdi", { class: "snippet" }, plain(episode.snippet || (episode.outcome === "success" ? "" : episode.why))),
      episode.snippet && episode.why && episode.outcome !== "success" ? make("bdi", { class: "snippet why" }, plain(episode.why)) : null,
    ));
  }

  function fill() {
    const next = state.shown.slice(state.made, state.made + PAGE);
    $("list").append(...next.map(row));
    state.made += next.length;
    const left = state.shown.length - state.made;
    $("more").hidden = left <= 0;
    $("more").textContent = `Show ${Math.min(PAGE, left)} more of ${left.toLocaleString("en")}`;
  }

  function said(data) {
    if (!texts.has(data.i)) {
      const parts = [];
      for (const each of data.sides || [data]) {
        parts.push(each.task_id, each.seed, asText(each.verdict), asText(each.error || ""));
        for (const step of each.steps) parts.push(asText(step.observation ?? ""), asText(step.action ?? ""));
      }
      const text = parts.join("\n").replaceAll(preamble || "\0", "").toLowerCase();
      if (files) return text;
      texts.set(data.i, text);
    }
    return texts.get(data.i);
  }

  /** The reward or the chosen reward term of an episode; null if it has none. */
  const value = (e) => (state.term ? e.terms[state.term] ?? null : e.reward);
  const inRange = (e) => (Number.isNaN(state.from) || (value(e) !== null && value(e) >= state.from))
    && (Number.isNaN(state.to) || (value(e) !== null && value(e) <= state.to));

  /** Search the files with the transcripts of `candidates`, one after the other. */
  async function search(candidates, words) {
    const mine = state.search;
    const numbers = new Set(candidates.map((e) => e.i));
    const wanted = [...new Set(candidates.map((e) => e.file))];
    const found = new Set();
    for (const [k, file] of wanted.entries()) {
      $("count").textContent = `Searching: ${k} of ${wanted.length} files, ${found.size.toLocaleString("en")} found`;
      let all;
      try {
        all = await load(files[file]);
      } catch (error) {
        if (mine === state.search) $("count").textContent = plain(error.message);
        return;
      }
      if (mine !== state.search) return; // other words were given meanwhile
      for (const data of all) if (numbers.has(data.i) && said(data).includes(words)) found.add(data.i);
    }
    list(candidates.filter((e) => found.has(e.i)));
  }

  function apply() {
    const words = state.query.toLowerCase();
    state.search += 1;
    const orders = {
      "index": (a, b) => a.i - b.i,
      "reward-up": (a, b) => (value(a) ?? Infinity) - (value(b) ?? Infinity) || a.i - b.i,
      "reward-down": (a, b) => (value(b) ?? -Infinity) - (value(a) ?? -Infinity) || a.i - b.i,
      "steps-down": (a, b) => b.steps - a.steps || a.i - b.i,
      "ahead-a": (a, b) => (b.ahead ?? -Infinity) - (a.ahead ?? -Infinity) || a.i - b.i,
      "ahead-b": (a, b) => (a.ahead ?? Infinity) - (b.ahead ?? Infinity) || a.i - b.i,
      "tokens-down": (a, b) => b.tokens - a.tokens || a.i - b.i,
    };
    const candidates = episodes
      .filter((e) => (!state.outcomes.size || state.outcomes.has(e.pair || e.outcome)) && (!state.task || e.task === state.task) && inRange(e))
      .sort(orders[state.order]);
    if (words && files) search(candidates, words);
    else list(words ? candidates.filter((e) => said(transcriptOf(e.i)).includes(words)) : candidates);
  }

  function list(found) {
    state.shown = found;
    state.made = 0;
    $("list").replaceChildren();
    fill();
    const all = episodes.length.toLocaleString("en");
    $("count").textContent = state.shown.length === episodes.length ? `${all} episodes` : `${state.shown.length.toLocaleString("en")} of ${all} episodes`;
  }

  function fromAddress(focus) {
    const match = /^#episode=(\d+)$/.exec(location.hash);
    if (match && byNumber.has(Number(match[1]))) open(Number(match[1]), focus);
    else if (state.current === null && state.shown.length) open(state.shown[0].i, false);
  }

  let timer = 0;
  $("query").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { state.query = $("query").value.trim(); apply(); }, files ? 400 : 150);
  });
  $("task").addEventListener("change", () => { state.task = $("task").value; apply(); });
  for (const id of ["term", "from", "to"]) {
    $(id).addEventListener("input", () => {
      Object.assign(state, { term: $("term").value, from: $("from").valueAsNumber, to: $("to").valueAsNumber });
      apply();
    });
  }
  $("order").addEventListener("change", () => { state.order = $("order").value; apply(); });
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const chip of document.querySelectorAll(".chip")) {
    chip.addEventListener("click", () => {
      const on = chip.getAttribute("aria-pressed") !== "true";
      chip.setAttribute("aria-pressed", String(on));
      state.outcomes[on ? "add" : "delete"](chip.dataset.outcome);
      apply();
    });
  }
  for (const button of document.querySelectorAll("[data-task]")) {
    button.addEventListener("click", () => {
      $("task").value = state.task = button.dataset.task;
      apply();
      $("episodes").scrollIntoView();
    });
  }
  $("more").addEventListener("click", fill);
  $("task").hidden = $("task").options.length < 3;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    if (event.key === "/") { event.preventDefault(); $("query").focus(); }
    const by = { j: 1, k: -1 }[event.key];
    if (!by) return;
    const target = state.shown[state.shown.findIndex((e) => e.i === state.current) + by];
    if (target) go(target.i);
  });
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const key = (r) => r.cells[column].dataset.key;
        const compare = (a, b) => (column ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b)));
        table.tBodies[0].append(...[...table.tBodies[0].rows].sort((a, b) => (up ? 1 : -1) * compare(a, b)));
      });
    });
  }
  addEventListener("hashchange", () => fromAddress(true));

  function start(data) {
    ({ preamble, episodes, texts: shared = {} } = data);
    files = data.files || null;
    byNumber = new Map(episodes.map((e) => [e.i, e]));
    repeated = episodes.some((e) => e.repeat);
    apply();
    fromAddress(true); // a link to an episode leads to it
    document.documentElement.dataset.ready = "true";
  }
  if (index.index) load(index.index).then(start, (error) => { $("count").textContent = plain(error.message); });
  else start(index);
})();
