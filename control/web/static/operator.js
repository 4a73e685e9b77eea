// The operator's page: everything goes through /api/v1 with the admin token, which lives in this tab only.

import { watchCopyButtons } from "./copy.js";

const TOKEN = "headwater-token";
const $ = (id) => document.getElementById(id);
let following = null; // cursor of the next page of assets
let older = []; // assets of further pages that were asked for
let timer = null;
let upload = null;

class Refusal extends Error {}

async function ask(method, path, body) {
  const fields = { Authorization: `Bearer ${sessionStorage.getItem(TOKEN)}` };
  if (body !== undefined) fields["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, { method, headers: fields, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refusal("Control does not answer.");
  }
  if (answer.status === 401) {
    signOut();
    throw new Refusal("The admin token is not valid.");
  }
  const said = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Refusal(said?.detail ?? `Control answered ${answer.status}.`);
  return said;
}

function fault(words) {
  $("fault").textContent = words;
  $("fault").hidden = !words;
}

// Run an action of the operator's: its fault is shown, and the tables are read again.
async function act(work) {
  fault("");
  try {
    await work();
    await refresh();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    fault(error.message);
  }
}

function cell(...content) {
  const made = document.createElement("td");
  made.append(...content);
  return made;
}

function soft(text) {
  const made = document.createElement("span");
  made.className = "soft";
  made.textContent = text;
  return made;
}

function badge(state, why) {
  const made = document.createElement("span");
  made.className = `badge ${state}`;
  made.textContent = state;
  return cell(made, ...(why ? [soft(why)] : []));
}

function link(address, text) {
  const made = document.createElement("a");
  made.href = new URL(address).pathname;
  made.textContent = text;
  return made;
}

function button(text, work, { danger = false, name = "" } = {}) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  if (danger) made.className = "danger";
  if (name) made.setAttribute("aria-label", `${text} ${name}`);
  made.addEventListener("click", () => act(work));
  return made;
}

function actions(...buttons) {
  const made = cell(...buttons);
  made.className = "actions";
  return made;
}

function fill(id, rows, none) {
  const body = $(id);
  // A table is not redrawn under the keyboard's focus.
  if (body.contains(document.activeElement) && document.activeElement !== document.body) return;
  if (!rows.length) {
    const empty = cell(none);
    empty.className = "none";
    empty.colSpan = 9;
    rows = [[empty]];
  }
  body.replaceChildren(...rows.map((cells) => {
    const row = document.createElement("tr");
    row.append(...cells);
    return row;
  }));
}

function size(count) {
  if (!count) return "–";
  const step = Math.min(4, Math.floor(Math.log10(count) / 3));
  return `${(count / 1000 ** step).toFixed(step ? 1 : 0)} ${["B", "kB", "MB", "GB", "TB"][step]}`;
}

function length(ms) {
  const seconds = Math.floor(ms / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  return hours ? `${hours}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}` : `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
}

function channelRow(row) {
  const report = row.report;
  const recent = report && report.age_ms >= 0 && report.state !== "live" ? `last media ${length(report.age_ms)} ago` : "";
  return [
    cell(link(row.watch, row.title), soft(row.channel)),
    badge(row.state, recent),
    cell(report && report.last_number >= 0 ? `${length(report.window_ms)} window` : "–", ...(report && report.last_number >= 0 ? [soft(`${report.first_number} to ${report.last_number}`)] : [])),
    cell(report?.numbering || "–", ...(report?.why ? [soft(report.why)] : [])),
    actions(
      button("New key", async () => {
        if (confirm(`Make a new key for ${row.channel}? The old one stops working.`)) showKey(await ask("POST", `channels/${row.channel}/keys`));
      }, { name: row.channel }),
      button("Delete", async () => {
        if (confirm(`Delete the channel ${row.channel} and what was recorded of it?`)) await ask("DELETE", `channels/${row.channel}`);
      }, { danger: true, name: row.channel }),
    ),
  ];
}

function verdict(found) {
  const answer = found.switchable ? (found.because || "switchable") : `not switchable: ${found.because}`;
  return `${found.track}: ${answer}`;
}

function assetRow(row) {
  const report = row.report;
  const tracks = report ? report.tracks.map((track) => track.kind === "video" ? `${track.width}×${track.height}` : `${track.kind === "text" ? track.role : "audio"} ${track.language}`).join(", ") : "–";
  return [
    cell(row.state === "ready" ? link(row.watch, row.title) : row.title, soft(row.asset)),
    badge(row.state, row.reason),
    cell(report ? length(report.duration_ms) : "–"),
    cell(size(row.bytes)),
    cell(tracks, ...(report?.alignments ?? []).map(verdict).map(soft), ...(report?.notes ?? []).map(soft)),
    actions(button("Delete", async () => {
      if (!confirm(`Delete ${row.title}?`)) return;
      await ask("DELETE", `assets/${row.asset}`);
      older = older.filter((other) => other.asset !== row.asset);
    }, { danger: true, name: row.asset })),
  ];
}

async function refresh() {
  const [channels, assets, node] = await Promise.all([ask("GET", "channels"), ask("GET", "assets"), ask("GET", "node")]);
  const shown = new Set(assets.assets.map((row) => row.asset));
  older = older.filter((row) => !shown.has(row.asset));
  if (!older.length) following = assets.next;
  fill("channels", channels.channels.map(channelRow), "No channels yet.");
  fill("assets", [...assets.assets, ...older].map(assetRow), "No assets yet.");
  fill("processes", node.processes.map((row) => [cell(row.worker ? `${row.role} ${row.worker}` : row.role), badge(row.state), cell(row.pid ? String(row.pid) : "–")]), "None.");
  $("seq").textContent = String(node.seq);
  $("more").hidden = !following;
}

function showKey(row) {
  const place = $("shown-key");
  for (const [field, value] of [["channel", row.channel], ["url", row.publish.url], ...["rtmps", "srt", "whip", "push"].map((name) => [name, row.publish[name] || ""]), ["key", row.publish.key]]) {
    const shown = place.querySelector(`[data-field=${field}]`);
    shown.textContent = value;
    const copies = shown.parentElement.querySelector("[data-copy]");
    if (copies) copies.dataset.copy = value;
    if ("optional" in shown.parentElement.dataset) shown.parentElement.hidden = !value;
  }
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
}

function hideKey() {
  const place = $("shown-key");
  place.hidden = true;
  for (const shown of place.querySelectorAll("[data-field]")) shown.textContent = "";
  for (const copies of place.querySelectorAll("[data-copy]")) copies.dataset.copy = "";
}

function send(file, title) {
  return new Promise((done, failed) => {
    const query = new URLSearchParams({ filename: file.name, ...(title ? { title } : {}) });
    upload = new XMLHttpRequest();
    upload.open("POST", `/api/v1/assets?${query}`);
    upload.setRequestHeader("Authorization", `Bearer ${sessionStorage.getItem(TOKEN)}`);
    upload.setRequestHeader("Content-Type", "application/octet-stream");
    upload.responseType = "json";
    upload.upload.onprogress = (event) => {
      $("progress").value = event.loaded / event.total;
      $("progress-text").textContent = event.loaded < event.total ? `${size(event.loaded)} of ${size(event.total)}` : "Reading the file…";
    };
    upload.onload = () => (upload.status === 201 ? done(upload.response) : failed(new Refusal(upload.response?.detail ?? `Control answered ${upload.status}.`)));
    upload.onerror = () => failed(new Refusal("The upload broke off: control does not answer."));
    upload.onabort = () => failed(new Refusal("The upload was cancelled."));
    upload.send(file);
  });
}

function uploading(is) {
  for (const id of ["progress", "cancel"]) $(id).hidden = !is;
  $("upload").querySelector("[type=submit]").disabled = is;
  if (!is) $("progress-text").textContent = "";
}

function signOut() {
  sessionStorage.removeItem(TOKEN);
  clearInterval(timer);
  hideKey();
  older = [];
  $("signed-in").hidden = true;
  $("sign-in").hidden = false;
  $("token").focus();
}

async function signIn() {
  try {
    await refresh();
  } catch (error) {
    if (sessionStorage.getItem(TOKEN)) $("sign-in").hidden = false;
    fault(error.message);
    return;
  }
  fault("");
  $("sign-in").hidden = true;
  $("signed-in").hidden = false;
  clearInterval(timer);
  timer = setInterval(() => { if (!document.hidden) refresh().then(() => fault(""), (error) => fault(error.message)); }, 3000);
}

$("sign-in").querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, $("token").value.trim());
  $("token").value = "";
  signIn();
});
$("add-channel").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const title = form.elements.title.value.trim();
  act(async () => {
    showKey(await ask("POST", "channels", { channel: form.elements.channel.value, ...(title ? { title } : {}) }));
    form.reset();
  });
});
$("upload").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  act(async () => {
    uploading(true);
    try {
      await send(form.elements.file.files[0], form.elements.title.value.trim());
      form.reset();
    } finally {
      uploading(false);
    }
  });
});
$("cancel").addEventListener("click", () => upload?.abort());
$("more").addEventListener("click", () => act(async () => {
  const page = await ask("GET", `assets?cursor=${encodeURIComponent(following)}`);
  older.push(...page.assets);
  following = page.next;
}));
$("shown-key").querySelector("[data-close]").addEventListener("click", hideKey);
$("sign-out").addEventListener("click", signOut);
watchCopyButtons();
if (sessionStorage.getItem(TOKEN)) signIn();
else $("sign-in").hidden = false;
