// Plays a counted film of two renditions and changes between them in the middle by the player's own API: to each
// picture width of `job.widths`, one after the other. Every frame is kept.
import { visit } from "./film.mjs";

await visit(async (page, said, job) => {
  said.seen = await page.evaluate(async ({ player, widths }) => {
    const { film, headwater } = window;
    const library = headwater.library();
    const choose = {
      hls: (width) => { library.currentLevel = library.levels.findIndex((level) => level.width === width); },
      shaka: (width) => {
        library.configure("abr.enabled", false);
        library.selectVideoTrack(library.getVideoTracks().find((track) => track.width === width), true, 2);
      },
      dash: (width) => {
        library.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } } } });
        const found = library.getRepresentationsByType("video").findIndex((one) => one.width === width);
        library.setRepresentationForTypeByIndex("video", found, true);
      },
    }[player];
    const frames = film.record();
    const wide = async (width) => {
      choose(width);
      await film.until(() => frames.at(-1)?.width === width, `a picture of ${width} in place of ${frames.at(-1)?.width}`);
      await film.frames(15);
    };
    for (const width of widths) await wide(width);
    return frames;
  }, job);
});
