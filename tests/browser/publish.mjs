// A page that publishes Chromium's test camera and microphone by WHIP, as any page would, and prints one JSON object: what
// the endpoint said and what WebRTC's statistics say. The job comes as JSON in the first argument:
//   {executable, url, key, width, height, within_s, narrow}: it publishes until a line comes on standard input, or for
//   `within_s`; `narrow` halves the picture after so many seconds, as a browser does on a narrow path
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const job = JSON.parse(process.argv[2]);
const said = { console: [] };
const browser = await chromium.launch({
  executablePath: job.executable,
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    // the page below comes from no network, so that Chromium takes it for one of the internet
    "--disable-features=LocalNetworkAccessChecks",
    "--autoplay-policy=no-user-gesture-required",
  ],
});
try {
  const page = await browser.newPage();
  page.on("console", (line) => said.console.push(line.text().slice(0, 300)));
  // a secure context of another origin than the endpoint's
  await page.route("http://localhost/", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>x</title>" }));
  await page.goto("http://localhost/");
  said.answer = await page.evaluate(async ({ url, key, width, height }) => {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width, height, frameRate: 25 } });
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    window.pc = pc;
    for (const track of stream.getTracks()) {
      const sending = pc.addTransceiver(track, { direction: "sendonly", streams: [stream] });
      window[track.kind] = sending.sender;
    }
    await pc.setLocalDescription();
    const answer = await fetch(url, {
      method: "POST",
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/sdp" },
      body: pc.localDescription.sdp,
    });
    const text = await answer.text();
    if (answer.status !== 201) return { status: answer.status, text };
    await pc.setRemoteDescription({ type: "answer", sdp: text });
    window.session = new URL(answer.headers.get("Location"), url).href;
    return { status: answer.status, text, offer: pc.localDescription.sdp };
  }, job);
  if (said.answer.status === 201) {
    const line = new Promise((done) => createInterface({ input: process.stdin }).once("line", done).once("close", done));
    if (job.narrow) {
      await Promise.race([line, page.waitForTimeout(job.narrow * 1000)]);
      await page.evaluate(async () => {
        const wanted = window.video.getParameters();
        wanted.encodings[0].scaleResolutionDownBy = 2;
        await window.video.setParameters(wanted);
      });
    }
    await Promise.race([line, page.waitForTimeout(job.within_s * 1000)]);
    said.state = await page.evaluate(() => window.pc.connectionState);
    said.stats = await page.evaluate(async () => [...(await window.pc.getStats()).values()]
      .filter((row) => ["outbound-rtp", "remote-inbound-rtp", "candidate-pair"].includes(row.type)));
    said.deleted = await page.evaluate(async (key) => {
      const answer = await fetch(window.session, { method: "DELETE", headers: { Authorization: `Bearer ${key}` } });
      window.pc.close();
      return answer.status;
    }, job.key);
  }
} catch (fault) {
  said.fault = String(fault).slice(0, 500);
} finally {
  await browser.close();
}
console.log(JSON.stringify(said));
process.exit(0);
