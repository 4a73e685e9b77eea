// The player page. `window.headwater.state()` says what is seen on it, for whoever drives a browser.

import { watchCopyButtons } from "./copy.js";
import { players } from "./players.js";

const root = document.getElementById("watch");
const video = document.getElementById("video");
const notice = document.getElementById("notice");
const config = { ...JSON.parse(root.dataset.config), format: new URLSearchParams(location.search).get("format") };
const live = config.kind === "live";

const LONGEST_PAUSE_MS = 15_000;
const MOST_ERRORS = 50;

let current = null; // the running adapter
let fatal = false;
let errors = [];
let stalls = 0;
let begun = performance.now();
let startup = null;
let pause = 1000;
let waiting = null; // the timer of the next attempt

function say(words) {
  notice.textContent = words;
  notice.hidden = !words;
}

function report(words, isFatal) {
  errors.push(words);
  if (errors.length > MOST_ERRORS) errors = errors.slice(-MOST_ERRORS);
  const list = document.querySelector("#errors ul");
  const same = list.firstChild?.dataset.words === words ? list.firstChild : null;
  const item = same ?? document.createElement("li");
  const times = Number(item.dataset.times ?? 0) + 1;
  Object.assign(item.dataset, { words, times });
  item.textContent = `${new Date().toLocaleTimeString()} ${words}${times > 1 ? ` (${times} times)` : ""}`;
  if (!same) list.prepend(item);
  while (list.children.length > 8) list.lastChild.remove();
  document.getElementById("errors").hidden = false;
  if (isFatal) {
    fatal = true;
    again(words);
  }
}

function again(words) {
  if (waiting !== null) return;
  say(`${words}. Trying again…`);
  waiting = setTimeout(async () => {
    waiting = null;
    await stop();
    await start();
  }, pause);
  pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
}

async function stop() {
  const ended = current;
  current = null;
  try {
    await ended?.stop();
  } catch (error) {
    console.warn("stopping the player", error);
  }
}

// What control says of the channel; null if control is away, which is no reason not to play.
async function asked() {
  try {
    const answer = await fetch(config.state, { cache: "no-store" });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function show(state) {
  const badge = document.getElementById("state");
  if (badge && state) {
    badge.textContent = state;
    badge.className = `badge ${state}`;
  }
}

// Begins, or begins again. A rejected play() of an address that cannot be played comes with an error event of the
// element, which says more: that one is reported.
async function start() {
  if (live) {
    const said = await asked();
    if (said) show(said.state);
    if (said?.state === "idle" || said?.state === "ended") {
      say(said.state === "idle" ? "Nothing is being published yet. It starts by itself." : "The broadcast has ended. It starts again by itself.");
      waiting = setTimeout(() => { waiting = null; start(); }, 2000);
      return;
    }
  }
  begun = performance.now();
  try {
    current = await players[config.player](video, config, report);
    await video.play();
    say("");
  } catch (error) {
    if (error.name === "NotAllowedError") say("Press play.");
    else if (error.name !== "AbortError" && error.name !== "NotSupportedError") report(error.message, true);
  }
}

video.addEventListener("playing", () => {
  if (startup === null) startup = (performance.now() - begun) / 1000;
  fatal = false;
  pause = 1000;
  say("");
});
video.addEventListener("waiting", () => {
  if (startup !== null && !video.seeking && !video.ended) stalls += 1;
});

function ahead() {
  for (let at = 0; at < video.buffered.length; at += 1) {
    if (video.buffered.start(at) <= video.currentTime + 0.1 && video.currentTime <= video.buffered.end(at)) {
      return video.buffered.end(at) - video.currentTime;
    }
  }
  return 0;
}

function state() {
  const frames = video.getVideoPlaybackQuality?.() ?? { totalVideoFrames: 0, droppedVideoFrames: 0 };
  return {
    player: config.player,
    currentTime: video.currentTime,
    duration: Number.isFinite(video.duration) ? video.duration : null,
    buffered: Array.from({ length: video.buffered.length }, (_, at) => [video.buffered.start(at), video.buffered.end(at)]),
    ahead: ahead(),
    decodedFrames: frames.totalVideoFrames,
    droppedFrames: frames.droppedVideoFrames,
    latency: current?.latency() ?? null,
    bitrate: current?.bitrate() ?? null,
    width: video.videoWidth,
    height: video.videoHeight,
    errors: [...errors],
    fatal,
    stalls,
    startup,
    paused: video.paused,
    ended: video.ended,
    texts: current?.texts() ?? [],
    text: current?.shown() ?? -1,
    sounds: current?.sounds() ?? [],
    sound: current?.heard() ?? -1,
  };
}

function put(id, text) {
  const place = document.getElementById(id);
  if (place && place.textContent !== text) place.textContent = text;
}

function rate(bits) {
  if (!bits) return "–";
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1e3)} kbit/s`;
}

// What there is to choose from, numbered from `first` on; one entry is no choice, and then nothing is shown.
function offer(id, labels, chosen, first = 0) {
  const choice = document.getElementById(id);
  if (choice === document.activeElement) return;
  if (labels.length !== choice.options.length || labels.some((label, at) => choice.options[at].text !== label)) {
    choice.replaceChildren(...labels.map((label, at) => new Option(label, at + first)));
  }
  choice.value = chosen;
  choice.parentElement.hidden = labels.length < 2;
}

function refresh() {
  const now = state();
  offer("text", ["Off", ...now.texts], now.text, -1);
  offer("sound", now.sounds, now.sound);
  put("latency", now.latency === null || !Number.isFinite(now.latency) ? "–" : `${now.latency.toFixed(1)} s`);
  put("rendition", now.width ? `${now.width} × ${now.height}` : "–");
  put("bitrate", rate(now.bitrate));
  put("buffer", `${now.ahead.toFixed(1)} s`);
  put("dropped", now.decodedFrames ? `${now.droppedFrames} of ${now.decodedFrames}` : "–");
  put("stalls", String(now.stalls));
  put("startup", now.startup === null ? "–" : `${now.startup.toFixed(2)} s`);
}

for (const choice of document.querySelectorAll("[name=player]")) {
  if (choice.value !== "native" && !config.vendor[choice.value]) choice.disabled = true;
  choice.addEventListener("change", () => {
    const address = new URL(location.href);
    address.searchParams.set("player", choice.value);
    location.assign(address);
  });
}

document.getElementById("text").addEventListener("change", (event) => current?.show(Number(event.target.value)));
document.getElementById("sound").addEventListener("change", (event) => current?.hear(Number(event.target.value)));

window.headwater = {
  state,
  show: (which) => current?.show(which),
  hear: (which) => current?.hear(which),
  library: () => current?.library,
};
watchCopyButtons();
setInterval(refresh, 500);
if (live) setInterval(async () => { if (waiting === null) show((await asked())?.state); }, 10_000);
start();
