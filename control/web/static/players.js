// One adapter per player, all of one shape:
//
//   start(video, config, report) -> { latency(): s or null, bitrate(): bit/s or null, stop(),
//                                     texts(): labels of the subtitles, shown(): which of them or -1, show(which),
//                                     sounds(): labels of the languages, heard(): which of them or -1, hear(which),
//                                     library: the player itself, for whoever drives a browser }
//
// `report(words, fatal)` is called for each error, in words. An adapter that cannot begin throws an Error in words.

const CORE = "the address does not answer, or the network is down";

function script(address) {
  return new Promise((done, failed) => {
    const element = document.createElement("script");
    element.src = address;
    element.onload = done;
    element.onerror = () => failed(new Error("the player's library could not be loaded"));
    document.head.append(element);
  });
}

function http(status) {
  switch (status) {
    case 0: case undefined: return CORE;
    case 404: return "there is nothing at this address (404)";
    case 410: return "it is no longer in the window (410)";
    case 425: return "it does not exist yet (425)";
    case 502: case 503: case 504: return `the edge cannot reach the origin (${status})`;
    default: return `the server answered ${status}`;
  }
}

const HLS_WORDS = {
  manifestLoadError: "The playlist could not be loaded", manifestLoadTimeOut: "The playlist took too long",
  manifestParsingError: "The playlist could not be read", manifestIncompatibleCodecsError: "This browser cannot decode it",
  levelLoadError: "A media playlist could not be loaded", levelLoadTimeOut: "A media playlist took too long",
  levelEmptyError: "A media playlist is empty", levelParsingError: "A media playlist could not be read",
  fragLoadError: "A segment could not be loaded", fragLoadTimeOut: "A segment took too long",
  fragParsingError: "A segment could not be read", fragGap: "A segment is missing",
  bufferAddCodecError: "This browser cannot decode it", bufferAppendError: "The browser refused a segment",
  bufferIncompatibleCodecsError: "This browser cannot decode it",
};
// Stalls are counted by the page itself, for every player in the same way.
const HLS_STALLS = new Set(["bufferStalledError", "bufferNudgeOnStall", "bufferSeekOverHole"]);
// What a seek overtook: a request that nobody needs any more, an append to where the buffer was a moment ago.
const HLS_OVERTAKEN = new Set(["aborted", "bufferAppendNoProgress"]);

const CLEARKEY = "org.w3.clearkey";

// Encrypted Media Extensions exist in secure contexts only.
function needKeys(config) {
  if (config.licence && !navigator.requestMediaKeySystemAccess) {
    throw new Error("protected media needs a secure page: https, or this machine's own address");
  }
}

// What hls.js must be told of ClearKey: where to ask, and to ask by key id, since no pssh is in the media.
function hlsKeys(licence) {
  const wish = (_, __, { decryptdata }) => {
    const id = btoa(String.fromCharCode(...decryptdata.keyId)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
    return { initDataType: "keyids", initData: new TextEncoder().encode(JSON.stringify({ kids: [id] })).buffer };
  };
  return { emeEnabled: true, drmSystems: { [CLEARKEY]: { licenseUrl: licence, generateRequest: wish } } };
}

async function hls(video, config, report) {
  if (!config.vendor.hls) throw new Error("hls.js is not installed on this server");
  const { default: Hls } = await import(config.vendor.hls.script);
  needKeys(config);
  if (!Hls.isSupported()) throw new Error("this browser has no Media Source Extensions; try the browser's own player");
  const player = new Hls({
    lowLatencyMode: config.kind === "live",
    maxLiveSyncPlaybackRate: 1.1, // what a stall has cost is caught up with
    workerPath: config.vendor.hls.worker,
    backBufferLength: 60,
    ...(config.licence ? hlsKeys(config.licence) : {}),
  });
  let recovered = 0;
  player.on(Hls.Events.ERROR, (_, data) => {
    if (HLS_STALLS.has(data.details) || (HLS_OVERTAKEN.has(data.details) && !data.fatal)) return;
    const words = HLS_WORDS[data.details] ?? data.details;
    const why = data.type === Hls.ErrorTypes.NETWORK_ERROR && data.response ? `: ${http(data.response.code)}` : "";
    if (data.fatal && data.type === Hls.ErrorTypes.MEDIA_ERROR && recovered < 2) {
      recovered += 1;
      player.recoverMediaError();
      report(`${words}${why}; starting the decoder again`, false);
      return;
    }
    report(words + why, data.fatal);
  });
  player.loadSource(config.hls);
  player.attachMedia(video);
  return {
    latency: () => (config.kind === "live" && player.liveSyncPosition !== null ? player.latency : null),
    bitrate: () => player.levels[player.currentLevel]?.bitrate ?? null,
    texts: () => player.subtitleTracks.map((track) => track.name),
    shown: () => (player.subtitleDisplay ? player.subtitleTrack : -1),
    show: (which) => {
      player.subtitleTrack = which;
      player.subtitleDisplay = which >= 0;
    },
    sounds: () => player.audioTracks.map((track) => track.name),
    heard: () => player.audioTrack,
    hear: (which) => { player.audioTrack = which; },
    library: player,
    stop: () => player.destroy(),
  };
}

const SHAKA_CATEGORIES = { 1: "network", 2: "subtitles", 3: "media", 4: "manifest", 5: "streaming", 6: "protection", 7: "player" };

function shakaWords(error) {
  if (error.code === 1001) return `Could not be loaded: ${http(error.data?.[1])}`;
  if (error.code === 1002) return `Could not be loaded: ${CORE}`;
  if (error.code === 1003) return "The server took too long";
  if (error.code === 4026) return "Shaka Player knows no ClearKey in HLS; choose DASH or another player";
  if (error.code === 4032) return "This browser cannot decode it";
  return `${SHAKA_CATEGORIES[error.category] ?? "player"} error ${error.code}`;
}

async function shaka(video, config, report) {
  if (!config.vendor.shaka) throw new Error("Shaka Player is not installed on this server");
  if (!window.shaka) await script(config.vendor.shaka.script);
  needKeys(config);
  const library = window.shaka;
  library.polyfill.installAll();
  if (!library.Player.isBrowserSupported()) throw new Error("this browser has no Media Source Extensions");
  const player = new library.Player();
  await player.attach(video);
  player.configure({ streaming: { lowLatencyMode: config.kind === "live", liveSync: { enabled: config.kind === "live" } } });
  if (config.licence) player.configure({ drm: { servers: { [CLEARKEY]: config.licence } } });
  // By default it moves each track so that its first decode time is the playlist's: with B-frames sound comes early.
  // Of a whole film in fMP4 the decode times are right; those of MPEG-TS and of clips do not begin at zero.
  if (config.kind === "vod" && !/-ts\.m3u8|[?&]start=/.test(config.hls)) player.configure("manifest.hls.ignoreManifestTimestampsInSegmentsMode", true);
  player.addEventListener("error", (event) => report(shakaWords(event.detail), event.detail.severity === 2));
  try {
    await player.load(["hls", "ts"].includes(config.format) || !config.dash ? config.hls : config.dash);
  } catch (error) {
    await player.destroy();
    throw new Error(shakaWords(error));
  }
  return {
    latency: () => (player.isLive() ? player.getStats().liveLatency : null),
    bitrate: () => player.getStats().streamBandwidth || null,
    texts: () => player.getTextTracks().map((track) => track.label || track.language),
    shown: () => player.getTextTracks().findIndex((track) => track.active),
    show: (which) => player.selectTextTrack(player.getTextTracks()[which] ?? null),
    sounds: () => player.getAudioTracks().map((track) => track.label || track.language),
    heard: () => player.getAudioTracks().findIndex((track) => track.active),
    hear: (which) => player.selectAudioTrack(player.getAudioTracks()[which]),
    library: player,
    stop: () => player.destroy(),
  };
}

async function dash(video, config, report) {
  if (!config.vendor.dash) throw new Error("dash.js is not installed on this server");
  if (!config.dash) throw new Error("there is no DASH manifest under this protection; choose another player");
  // what asks for keys is only in the bundle of all its parts
  if (!window.dashjs) await script(config.licence ? config.vendor.dash.all : config.vendor.dash.script);
  needKeys(config);
  const library = window.dashjs;
  const player = library.MediaPlayer().create();
  player.updateSettings({ debug: { logLevel: library.Debug.LOG_LEVEL_NONE } });
  player.on(library.MediaPlayer.events.ERROR, (event) => {
    const error = event.error ?? {};
    report(error.message ?? `player error ${error.code ?? ""}`.trim(), true);
  });
  // dash.js renews a live manifest from the "play" event on: play() must not come before it listens
  const ready = new Promise((resolve) => player.on(library.MediaPlayer.events.PLAYBACK_METADATA_LOADED, resolve));
  player.initialize(video, config.format === "ll" ? config.dash.replace("manifest.mpd", "manifest-ll.mpd") : config.dash, false);
  player.attachTTMLRenderingDiv(document.getElementById("ttml")); // IMSC is drawn, WebVTT is left to the browser
  if (config.licence) player.setProtectionData({ [CLEARKEY]: { serverURL: config.licence } });
  await ready;
  const sounds = () => (player.isReady() ? player.getTracksFor("audio") : []);
  return {
    latency: () => (player.isReady() && player.isDynamic() ? player.getCurrentLiveLatency() : null),
    bitrate: () => {
      const shown = player.isReady() ? player.getCurrentRepresentationForType("video") : null;
      return shown ? shown.bitrateInKbit * 1000 : null;
    },
    texts: () => (player.isReady() ? player.getTracksFor("text").map((track) => track.labels[0]?.text ?? track.lang) : []),
    shown: () => (player.isReady() ? player.getCurrentTextTrackIndex() : -1),
    show: (which) => player.setTextTrack(which),
    sounds: () => sounds().map((track) => track.labels[0]?.text ?? track.lang),
    heard: () => sounds().findIndex((track) => track.id === player.getCurrentTrackFor("audio")?.id),
    hear: (which) => player.setCurrentTrack(sounds()[which]),
    library: player,
    stop: () => player.destroy(),
  };
}

const NATIVE_WORDS = { 1: "Loading was stopped", 2: `Could not be loaded: ${CORE}`, 3: "The browser could not decode it", 4: "The browser cannot play it" };

async function native(video, config, report) {
  if (!video.canPlayType("application/vnd.apple.mpegurl")) {
    throw new Error("this browser has no HLS player of its own; choose another player");
  }
  if (config.licence) throw new Error("the browser's own player cannot ask for keys; choose another player");
  const failed = () => report(NATIVE_WORDS[video.error?.code] ?? "The browser cannot play it", true);
  video.addEventListener("error", failed);
  video.src = config.hls;
  return {
    latency: () => {
      const started = video.getStartDate?.().getTime();
      return config.kind === "live" && started ? (Date.now() - started) / 1000 - video.currentTime : null;
    },
    bitrate: () => null,
    texts: () => Array.from(video.textTracks, (track) => track.label || track.language),
    shown: () => Array.from(video.textTracks).findIndex((track) => track.mode === "showing"),
    show: (which) => Array.from(video.textTracks).forEach((track, at) => { track.mode = at === which ? "showing" : "disabled"; }),
    // Chromium has no audioTracks: it plays the language that the playlist says is the default
    sounds: () => Array.from(video.audioTracks ?? [], (track) => track.label || track.language),
    heard: () => Array.from(video.audioTracks ?? []).findIndex((track) => track.enabled),
    hear: (which) => Array.from(video.audioTracks ?? []).forEach((track, at) => { track.enabled = at === which; }),
    library: null,
    stop: () => {
      video.removeEventListener("error", failed);
      video.removeAttribute("src");
      video.load();
    },
  };
}

export const players = { hls, shaka, dash, native };
