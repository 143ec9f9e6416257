// A visit of the stock Firefox, which Playwright does not drive: uploads files, meets a refusal, reads the receipt and looks
// at the pictures. node visit.mjs MODULES FIREFOX URL LANGUAGE FILE... ; prints what it saw as JSON.
import { pathToFileURL } from "node:url";

const [modules, executablePath, url, language, ...files] = process.argv.slice(2);
const main = `${modules}/puppeteer-core/lib/puppeteer/puppeteer-core.js`;
const { default: puppeteer } = await import(pathToFileURL(main).href);
const PATIENCE = { timeout: 60_000 };

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath,
  extraPrefsFirefox: { "intl.accept_languages": language },
});
try {
  process.stdout.write(JSON.stringify(await visit(await browser.newPage())));
} finally {
  await browser.close();
}

async function visit(page) {
  const complaints = [];
  page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(String(error)));
  const text = (selector) => page.$eval(selector, (element) => element.innerText);

  await page.goto(url);
  const heading = await text("h1");
  await (await page.$("#files")).uploadFile(...files);
  await page.waitForSelector(".swal2-icon-warning", PATIENCE);
  const refused = await text(".swal2-html-container");
  await page.click(".swal2-confirm");
  await page.waitForSelector(".swal2-icon-success", PATIENCE);
  const done = await text(".swal2-title");
  await Promise.all([page.waitForNavigation(), page.click(".swal2-confirm")]);
  const receipt = await text("main");

  await Promise.all([page.waitForNavigation(), page.click(".actions .btn-primary")]);
  await page.click(".tile > a");
  await page.waitForSelector(".pswp--open .pswp__img", PATIENCE);
  await page.waitForFunction("document.querySelector('.pswp__img').complete");
  await new Promise((opened) => setTimeout(opened, 600)); // keys are taken when it has opened
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction("document.querySelector('.pswp__counter').innerText.startsWith('2')", PATIENCE);
  const counter = await text(".pswp__counter");
  await page.keyboard.press("Escape");
  await page.waitForFunction("!document.querySelector('.pswp')", PATIENCE);
  return { heading, refused, done, receipt, counter, complaints };
}
