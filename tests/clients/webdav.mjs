// One operation of the npm package webdav: node webdav.mjs MODULES URL OPERATION ARGUMENT...
import { createReadStream, readFileSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, url, operation, first, second] = process.argv.slice(2);
const { createClient } = await import(pathToFileURL(`${modules}/webdav/dist/node/index.js`).href);
const client = createClient(url);

const operations = {
  put: async () => {
    const written = await client.putFileContents(second, readFileSync(first), { overwrite: true });
    if (!written) throw new Error("not written");
    const there = await client.stat(second);
    if (there.size !== statSync(first).size) throw new Error(`size ${there.size}`);
  },
  stream: () =>
    new Promise((resolve, reject) => {
      const target = client.createWriteStream(second, {}, (reply) => resolve(reply));
      target.on("error", reject);
      createReadStream(first).pipe(target);
    }),
  mkdir: () => client.createDirectory(first),
  move: () => client.moveFile(first, second),
  delete: () => client.deleteFile(first),
  read: async () => process.stdout.write(await client.getFileContents(first)),
};

await operations[operation]();
