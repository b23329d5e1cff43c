// Prints what CHANGELOG.md says of a version: `npm run -s release:notes`, or `-- 1.2.0`, or `-- unreleased`. Default: that of package.json.
import { readFile } from 'node:fs/promises';

const { version } = JSON.parse(await readFile('package.json', 'utf8'));
const wanted = process.argv[2] ?? version;
const changelog = await readFile('CHANGELOG.md', 'utf8');
// Links to the versions stand at the end, after the last section.
const sections = changelog.replace(/^\[[^\]]+\]: \S+$/gm, '').split(/^## /m);
const section = sections.find((text) => nameOf(text) === wanted.toLowerCase());
const notes = section?.replace(/^.*\n/, '').trim();
if (notes) process.stdout.write(`${notes}\n`);
else {
  process.stderr.write(`CHANGELOG.md says nothing of ${wanted}\n`);
  process.exitCode = 1;
}

/** `[1.2.0] - 2026-01-31`, or without the brackets or the date. */
function nameOf(text) {
  return /^\[?([^\]\s]+)/.exec(text)?.[1]?.toLowerCase();
}
