// Uses the message board with Chromium, as several people at once would, and prints what it saw as JSON on standard
// output. tests/e2e/test_board.py starts it and judges.
//
//   node board.mjs '{"chromium": PATH, "url": URL, "foreign": URL, "home": FOLDER, "shots": FOLDER,
//                    "picture": FILE, "large": FILE, "older": COUNT}'
//
// home: its NSS database says which authorities the browser trusts. foreign: a page of another site with a form whose
// button posts to the board. older: how many messages there are at the beginning.

import path from "node:path";
import { chromium } from "playwright-core";

const job = JSON.parse(process.argv[2]);
const seen = { problems: [], steps: [] };
const MARKUP_NAME = `"><img src=x onerror="document.title='name'">`;
const MARKUP = `<script>document.title='message'</script>\n</p><b onmouseover=alert(1)>bold</b> &amp;`;

const browser = await chromium.launch({
  executablePath: job.chromium,
  env: { ...process.env, HOME: job.home, XDG_DATA_HOME: "", XDG_CONFIG_HOME: "" },
  args: ["--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"],
  timeout: 120000,
});

// Statuses that a step is about; the browser's console reports each of them as an error.
let expected = [];

// A window of somebody else's: nothing is shared with the others.
const visitor = async (options) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", ...options });
  context.setDefaultTimeout(60000);
  const page = await context.newPage();
  const complain = (what) => seen.problems.push(`${seen.steps.at(-1)}: ${what}`);
  page.on("console", (message) => {
    const isExpected = expected.some((status) => message.text().includes(`the server responded with a status of ${status}`));
    if (["error", "warning"].includes(message.type()) && !isExpected) complain(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complain(`script: ${error.message}`));
  page.on("requestfailed", (request) => {
    // A stream of events ends by being closed, and an upload may be cancelled.
    if (!/\/events\?/.test(request.url()) && request.method() !== "POST")
      complain(`${request.url()}: ${request.failure()?.errorText}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400 && !expected.includes(response.status()))
      complain(`${response.url()}: ${response.status()}`);
  });
  page.on("dialog", (dialog) => {
    if (dialog.type() === "confirm") dialog.accept();
    else complain(`dialog: ${dialog.message()}`);
  });
  return page;
};
const shoot = (page, name, fullPage = false) => page.screenshot({ path: path.join(job.shots, `${name}.png`), fullPage });
const message = (page, text) => page.locator("#list > li", { hasText: text });
const isLive = (page) => page.locator("#live").waitFor({ state: "visible" });
const write = async (page, name, text) => {
  await page.getByLabel("Your name").fill(name);
  await page.getByLabel("Message", { exact: true }).fill(text);
};
const post = (page) => page.getByRole("button", { name: "Post" }).click();
const isLoaded = (image) => image.evaluate((it) => it.decode().then(() => it.naturalWidth));

try {
  seen.steps.push("open");
  const ida = await visitor(), zoe = await visitor();
  const response = await ida.goto(job.url);
  seen.policy = response.headers()["content-security-policy"];
  seen.shown = await ida.locator("#list > li").count();
  await zoe.goto(job.url);
  await Promise.all([isLive(ida), isLive(zoe)]);
  await zoe.evaluate(() => (window.isSamePage = true));
  seen.styled = await ida.locator(".write").evaluate((it) => getComputedStyle(it).borderRadius);

  seen.steps.push("live");
  await zoe.getByLabel("Message", { exact: true }).fill("half a mess");
  await zoe.evaluate(() => window.scrollTo(0, 600));
  await zoe.locator("#list > li").nth(9).evaluate((it) => (it.dataset.mark = "here"));
  const before = await zoe.locator("[data-mark]").evaluate((it) => it.getBoundingClientRect().top);
  await write(ida, "Ida", "The lamp is lit.\nCome in!");
  await post(ida);
  await message(zoe, "The lamp is lit.").waitFor();
  await message(ida, "The lamp is lit.").waitFor();
  seen.live = {
    first: await zoe.locator("#list > li").first().innerText(),
    announced: await zoe.locator("#news").innerText(),
    isSamePage: await zoe.evaluate(() => window.isSamePage === true),
    typed: await zoe.getByLabel("Message", { exact: true }).inputValue(),
    focus: await zoe.evaluate(() => document.activeElement.id),
    moved: Math.abs((await zoe.locator("[data-mark]").evaluate((it) => it.getBoundingClientRect().top)) - before),
    cleared: await ida.getByLabel("Message", { exact: true }).inputValue(),
    name: await ida.getByLabel("Your name").inputValue(),
    copies: await message(ida, "The lamp is lit.").count(),
    count: await zoe.locator("#count").innerText(),
  };

  seen.steps.push("markup");
  await write(ida, MARKUP_NAME, MARKUP);
  await post(ida);
  const odd = message(zoe, "</script>");
  await odd.waitFor();
  seen.markup = {
    name: await odd.locator(".by").innerText(),
    text: await odd.locator(".text").innerText(),
    elements: await odd.locator("script, img, b").count(),
    titles: [await ida.title(), await zoe.title()],
  };
  await ida.reload(); // and as the server renders it into the page
  seen.markup.again = await message(ida, "</script>").locator(".text").innerText();
  seen.markup.title = await ida.title();
  await isLive(ida);

  seen.steps.push("picture");
  const cdp = await ida.context().newCDPSession(ida);
  await cdp.send("Network.emulateNetworkConditions",
    { offline: false, latency: 5, downloadThroughput: -1, uploadThroughput: 3e6 });
  await ida.evaluate(() => {
    window.values = [];
    const bar = document.getElementById("progress");
    new MutationObserver(() => window.values.push(bar.value)).observe(bar, { attributes: true });
  });
  await write(ida, "Ida", "A picture of the wall");
  await ida.getByLabel("Picture").setInputFiles(job.large);
  await post(ida);
  await ida.waitForFunction(() => document.getElementById("progress").value > 0.4);
  await shoot(ida, "upload");
  await message(zoe, "A picture of the wall").waitFor();
  await cdp.send("Network.emulateNetworkConditions",
    { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await message(ida, "A picture of the wall").waitFor();
  const image = message(zoe, "A picture of the wall").locator("img");
  await image.scrollIntoViewIfNeeded();
  seen.picture = {
    values: await ida.evaluate(() => window.values),
    width: await isLoaded(image),
    alt: await image.getAttribute("alt"),
    isHidden: await ida.locator("#sending").isHidden(),
    chosen: await ida.getByLabel("Picture").inputValue(),
  };

  seen.steps.push("cancel");
  await cdp.send("Network.emulateNetworkConditions",
    { offline: false, latency: 5, downloadThroughput: -1, uploadThroughput: 5e5 });
  await write(ida, "Ida", "never mind");
  await ida.getByLabel("Picture").setInputFiles(job.large);
  await post(ida);
  await ida.waitForFunction(() => document.getElementById("progress").value > 0.02);
  await ida.getByRole("button", { name: "Cancel" }).click();
  seen.cancelled = [await ida.locator("#sending").isHidden(), await ida.getByLabel("Message", { exact: true }).inputValue()];
  await cdp.send("Network.emulateNetworkConditions",
    { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await ida.getByLabel("Picture").setInputFiles([]);

  seen.steps.push("no picture at all");
  expected = [415];
  await write(ida, "Ida", "not a picture");
  await ida.getByLabel("Picture").setInputFiles({ name: "x.png", mimeType: "image/png", buffer: Buffer.from("<svg onload=alert(1)>") });
  await post(ida);
  await ida.locator("#error:not([hidden])").waitFor();
  seen.noPicture = await ida.locator("#error").innerText();
  await ida.getByLabel("Picture").setInputFiles([]);
  expected = [];

  seen.steps.push("keyboard");
  await ida.goto(job.url);
  const order = [];
  const tab = async () => {
    await ida.keyboard.press("Tab");
    order.push(await ida.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim()));
  };
  const tabTo = async (name) => {
    do await tab();
    while (order.at(-1) !== name && order.length < 20);
  };
  await tabTo("name");
  await ida.keyboard.type("Kim");
  await tabTo("message");
  await ida.keyboard.type("By keyboard alone");
  await tabTo("Post");
  seen.outline = await ida.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  await ida.keyboard.press("Enter");
  await message(ida, "By keyboard alone").waitFor();
  seen.keyboard = { order, focus: await ida.evaluate(() => document.activeElement.textContent) };

  seen.steps.push("hidden and shown again");
  // A window that is not looked at keeps no connection, and learns of what it missed.
  const show = (page, state) => page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    Object.defineProperty(document, "hidden", { value: value === "hidden", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
  await show(zoe, "hidden");
  seen.isHiddenLive = await zoe.locator("#live").isVisible();
  await write(ida, "Ida", "While you were away");
  await post(ida);
  await message(ida, "While you were away").waitFor();
  seen.missed = await message(zoe, "While you were away").count();
  await show(zoe, "visible");
  await message(zoe, "While you were away").waitFor();
  seen.caughtUp = await message(zoe, "While you were away").count();

  seen.steps.push("remove");
  const counted = Number(await zoe.locator("#count").innerText());
  await message(ida, "</script>").getByRole("button", { name: /^Remove/ }).click();
  await message(ida, "</script>").waitFor({ state: "detached" });
  await message(zoe, "</script>").waitFor({ state: "detached" });
  await message(zoe, "While you were away").getByRole("button", { name: /^Remove/ }).click(); // one that came as an event
  await message(zoe, "While you were away").waitFor({ state: "detached" });
  await message(ida, "While you were away").waitFor({ state: "detached" });
  seen.removed = {
    counts: [Number(await ida.locator("#count").innerText()), Number(await zoe.locator("#count").innerText())],
    counted,
    isSamePage: await zoe.evaluate(() => window.isSamePage === true),
  };

  seen.steps.push("look");
  const sideways = (page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  await zoe.reload();
  await zoe.locator("img[alt^=Picture]").first().evaluate((it) => it.decode());
  await shoot(zoe, "desktop light");
  const phone = await visitor({ viewport: { width: 390, height: 844 }, colorScheme: "dark", deviceScaleFactor: 2 });
  await phone.goto(job.url);
  await shoot(phone, "phone dark");
  await phone.locator("#list > li").first().scrollIntoViewIfNeeded();
  await phone.evaluate(() => document.getElementById("messages").scrollIntoView());
  await shoot(phone, "phone dark messages");
  await phone.setViewportSize({ width: 360, height: 640 });
  seen.sideways = [await sideways(zoe), await sideways(phone)];
  await phone.close();

  seen.steps.push("foreign");
  expected = [403];
  const reply = ida.waitForResponse((it) => it.request().method() === "POST");
  await ida.goto(job.foreign);
  await ida.getByRole("button", { name: "Win a prize" }).click();
  seen.foreign = { status: (await reply).status() };
  await ida.waitForLoadState();
  seen.foreign.text = await ida.locator("body").innerText();
  expected = [];
  await ida.goto(job.url);
  seen.foreign.posted = await message(ida, "I was made to").count();

  seen.steps.push("without scripts");
  const old = await visitor({ javaScriptEnabled: false });
  await old.goto(job.url);
  await write(old, "Otto", "No scripts here");
  await old.getByLabel("Picture").setInputFiles(job.picture);
  await Promise.all([old.waitForEvent("load"), post(old)]);
  const mine = message(old, "No scripts here");
  seen.old = {
    url: old.url(),
    first: await old.locator("#list > li").first().innerText(),
    image: await mine.locator("img").getAttribute("src"),
    id: await mine.getAttribute("id"),
  };
  await message(zoe, "No scripts here").waitFor();
  expected = [422];
  await write(old, "Otto <again>", "  ");
  await Promise.all([old.waitForEvent("load"), post(old)]);
  expected = [];
  seen.old.error = await old.locator("#error").innerText();
  seen.old.kept = await old.getByLabel("Your name").inputValue();
  await shoot(old, "error without scripts");
  await old.goto(job.url);
  seen.old.ids = [];
  for (let pages = 0; pages < 10; pages++) {
    seen.old.ids.push(await old.locator("#list > li").evaluateAll((items) => items.map((item) => Number(item.id.slice(1)))));
    const older = old.getByRole("link", { name: "Older" });
    if (!(await older.count())) break;
    await Promise.all([old.waitForEvent("load"), older.click()]);
  }
  await Promise.all([old.waitForEvent("load"), old.getByRole("link", { name: "Newer", exact: true }).click()]);
  seen.old.newer = await old.locator("#list > li").evaluateAll((items) => items.map((item) => Number(item.id.slice(1))));
  await old.close();

  seen.steps.push("too many");
  await ida.goto(job.url);
  expected = [429];
  for (let i = 0; i < 40 && (await ida.locator("#error").isHidden()); i++) {
    await write(ida, "Ida", `again ${i}`);
    await post(ida);
    await Promise.race([message(ida, `again ${i}`).first().waitFor(), ida.locator("#error:not([hidden])").waitFor()]);
  }
  seen.tooMany = { error: await ida.locator("#error").innerText(), typed: await ida.getByLabel("Message", { exact: true }).inputValue() };
  await shoot(ida, "too many");
} catch (error) {
  seen.error = error.message;
} finally {
  await browser.close();
}

process.stdout.write(JSON.stringify(seen));
