// Listens to a counted film of two languages, changes the language by the player's own API, listens again, and again
// behind a seek. `job.which` is the language to change to; a player that offers none is only listened to.
import { visit } from "./film.mjs";

await visit(async (page, said, job) => {
  said.heard = await page.evaluate(async ({ which, seek }) => {
    const { film, headwater } = window;
    const near = (one, other) => Math.abs(one - other) < 10;
    const heard = { sounds: headwater.state().sounds, before: await film.tone() };
    if (!heard.sounds.length) return heard;
    headwater.hear(which);
    const frames = film.record();
    const begun = performance.now();
    await film.until(async () => { heard.after = await film.tone(); return heard.after && !near(heard.after, heard.before); }, "another tone");
    heard.within_ms = performance.now() - begun;
    heard.frames = frames.slice();
    await film.seek(seek);
    await film.video.play();
    await film.frames(10);
    heard.behind = await film.tone();
    heard.sound = headwater.state().sound;
    return heard;
  }, job);
});
