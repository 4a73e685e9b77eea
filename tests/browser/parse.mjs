// Playlists and manifests read by the parsers that players are built from: hls-parser, and mpd-parser of video.js.
// Standard input: {name: text}. Standard output: {name: what was found, or {fault}}.

import hls from 'hls-parser';
import { parse as parseMpd } from 'mpd-parser';

// It counts three segments where RFC 8216bis 4.4.4.9 counts three target durations, an open segment among them.
const OVERSTRICT = 'Remove EXT-X-PART tags from the Playlist after they are greater than three target durations';

function parseHls(text) {
  hls.setOptions({ strictMode: true, silent: true });
  try {
    return hls.parse(text);
  } catch (fault) {
    if (!String(fault).includes(OVERSTRICT)) throw fault;
    hls.setOptions({ strictMode: false, silent: true });
    return hls.parse(text);
  }
}

function readHls(text) {
  const playlist = parseHls(text);
  if (playlist.isMasterPlaylist) {
    const groups = playlist.variants.flatMap((variant) => [...variant.audio, ...variant.subtitles]);
    return {
      kind: 'multivariant',
      uris: [...playlist.variants, ...groups].map((one) => one.uri).filter(Boolean),
      bandwidths: playlist.variants.map((variant) => variant.bandwidth),
    };
  }
  const segments = playlist.segments.filter((segment) => segment.uri);
  return {
    kind: 'media',
    version: playlist.version,
    target: playlist.targetDuration,
    first: playlist.mediaSequenceBase,
    ended: playlist.endlist,
    uris: segments.map((segment) => segment.uri),
    duration: segments.reduce((sum, segment) => sum + segment.duration, 0),
    parts: playlist.segments.flatMap((segment) => segment.parts).filter((part) => !part.hint).length,
    skipped: playlist.skip,
    methods: [...new Set(segments.map((segment) => segment.key?.method ?? ''))],
  };
}

function readDash(text) {
  const found = [];
  const manifest = parseMpd(text, { manifestUri: 'http://viewer/vod/film/manifest.mpd', eventHandler: (event) => found.push(event) });
  const groups = ['AUDIO', 'SUBTITLES'].flatMap((type) =>
    Object.values(manifest.mediaGroups[type]).flatMap((group) => Object.values(group)),
  );
  const playlists = [...manifest.playlists, ...groups.flatMap((member) => member.playlists ?? [])];
  return {
    kind: 'manifest',
    ended: manifest.endList,
    duration: manifest.duration,
    events: found.map((event) => event.message),
    playlists: playlists.map((playlist) => ({
      codecs: playlist.attributes?.CODECS ?? '',
      uris: (playlist.segments ?? []).map((segment) => segment.uri),
      duration: (playlist.segments ?? []).reduce((sum, segment) => sum + segment.duration, 0),
      sidx: playlist.sidx ? [playlist.sidx.byterange.offset, playlist.sidx.byterange.length] : null,
      protection: Object.keys(playlist.contentProtection ?? {}),
    })),
  };
}

let text = '';
for await (const piece of process.stdin) text += piece;
const answers = {};
for (const [name, document] of Object.entries(JSON.parse(text))) {
  try {
    answers[name] = document.startsWith('#EXTM3U') ? readHls(document) : readDash(document);
  } catch (fault) {
    answers[name] = { fault: String(fault) };
  }
}
process.stdout.write(JSON.stringify(answers));
