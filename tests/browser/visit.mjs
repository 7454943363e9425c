// Visits the demo site with Chromium, as a person would, and prints what it saw as JSON on standard output.
// tests/e2e/test_browser.py starts it and judges.
//
//   node visit.mjs '{"chromium": PATH, "url": URL, "home": FOLDER, "shots": FOLDER or null}'
//
// home: its NSS database says which authorities the browser trusts. Nothing here ignores certificate errors.

import path from "node:path";
import { chromium } from "playwright-core";

const job = JSON.parse(process.argv[2]);
const seen = { problems: [], pages: {}, steps: [] };

const browser = await chromium.launch({
  executablePath: job.chromium,
  env: { ...process.env, HOME: job.home, XDG_DATA_HOME: "", XDG_CONFIG_HOME: "" },
  // Nothing leaves this machine, whatever the browser would like to fetch for itself.
  args: ["--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"],
  timeout: 120000,
});

try {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 }, locale: "en-GB" });
  context.setDefaultTimeout(60000);
  const page = await context.newPage();
  const complain = (what) => seen.problems.push(`${seen.steps.at(-1)}: ${what}`);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complain(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complain(`script: ${error.message}`));
  page.on("requestfailed", (request) => complain(`${request.url()}: ${request.failure()?.errorText}`));
  page.on("response", (response) => {
    if (response.status() >= 400) complain(`${response.url()}: ${response.status()}`);
  });

  const shoot = async (name) => {
    if (job.shots) await page.screenshot({ path: path.join(job.shots, `${name}.png`), fullPage: true });
  };
  const note = async (name) => {
    seen.pages[name] = {
      url: page.url(),
      title: await page.title(),
      heading: await page.locator("h1").innerText(),
      text: await page.locator("main").innerText(),
    };
    await shoot(name);
  };
  // Leaving a page that still loads would show as failed requests.
  const follow = (link) => Promise.all([page.waitForEvent("load"), link.click()]);
  // The rows of one table of the mirror.
  const table = (id) => page.locator(`section[aria-labelledby="${id}"] tr`).evaluateAll((rows) =>
    rows.map((row) => [row.querySelector("th").textContent, row.querySelector("td").textContent]));

  seen.steps.push("home");
  const response = await page.goto(job.url);
  seen.status = response.status();
  seen.security = await response.securityDetails();
  await note("home");
  seen.through = await page.locator(".through").innerText();
  seen.images = await page.locator("img").evaluateAll((images) =>
    images.map((image) => [new URL(image.currentSrc).pathname, image.complete && image.naturalWidth > 0]));
  seen.style = await page.locator("h1").evaluate((heading) => getComputedStyle(heading).fontFamily);

  for (const link of ["Two doors", "Forms", "Bytes", "Home"]) {
    seen.steps.push(link);
    await follow(page.getByRole("navigation").getByRole("link", { name: link, exact: true }));
    await note(link);
  }

  for (const [heading, name] of [["Try both doors", "card doors"], ["See the bytes", "card bytes"]]) {
    seen.steps.push(name);
    await follow(page.getByRole("link", { name: heading }));
    await note(name);
    await page.goBack();
  }

  seen.steps.push("mirror");
  await follow(page.getByRole("link", { name: "Try both doors" }));
  await follow(page.getByRole("link", { name: "The mirror, by the door you are using now" }));
  await note("mirror");

  seen.steps.push("post form");
  await page.goto(new URL("forms.html", job.url).href);
  await page.getByLabel("Your name").fill("Zoë <b>bold</b> & \"quoted\"");
  await page.getByLabel("Message to the gatekeeper").fill("first line\n100% & = + ü 門");
  await page.getByLabel("Which way in?").selectOption({ label: "Over the wall" });
  await page.getByLabel("A lantern").check();
  await page.getByLabel("A cat").check();
  await shoot("form filled in");
  await follow(page.getByRole("button", { name: "Send" }));
  await note("post form");
  seen.posted = {
    form: await table("form"),
    request: await table("request"),
    bold: await page.locator("main b").count(),
    shown: await page.locator("section[aria-labelledby=form] td").nth(1).innerText(),
  };

  seen.steps.push("get form");
  await page.goBack();
  await page.getByLabel("Look for").fill("a & b=c");
  await page.getByLabel("How many").fill("7");
  await follow(page.getByRole("button", { name: "Ask" }));
  await note("get form");
  seen.asked = { query: await table("query"), request: await table("request") };

  // Many requests at once, on several connections, and a body of some size, as scripts send them.
  seen.steps.push("fetch");
  await page.goto(job.url); // the mirror's policy lets no script do this
  seen.fetched = await page.evaluate(async () => {
    const body = "x".repeat(500000);
    const all = await Promise.all(Array.from({ length: 40 }, async (_, i) => {
      const reply = i % 4 ? await fetch(`/style.css?${i}`) : await fetch("/echo/body", { method: "POST", body });
      return [reply.status, (await reply.text()).length];
    }));
    return all;
  });

  seen.steps.push("dark and narrow");
  await page.goto("about:blank");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(job.url);
  await note("home dark and narrow");
  seen.sideways = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
} catch (error) {
  seen.error = error.message;
} finally {
  await browser.close();
}

process.stdout.write(JSON.stringify(seen));
