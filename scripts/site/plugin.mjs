// What the site of `npm run docs` has beyond TypeDoc's own: pages are called by their headings, samples are pages, so that links to
// them open, and names stand together as the folders of lib have them, in place of one list of a hundred.
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CommentTag, Converter, DocumentReflection, ReflectionKind } from 'typedoc';

/** The first that fits, by the path of the file. */
const CATEGORIES = [
  ['Test kit', /^lib\/(testing|embedded)\//],
  ['Transports', /^lib\/transport\/.*transport\.ts$|^lib\/tokens|^lib\/container/],
  ['Configuration and credentials', /^lib\/(config|transport)\/|^lib\/options/],
  ['Services', /^lib\/service/],
  ['Archives', /^lib\/(archive|compression)\//],
  ['Descriptors, manifests and names', /^lib\/oci\//],
  ['Errors', /^lib\/error/],
  ['Transfers and results', /^lib\/(transfer\/|client-events)/],
  ['Client', /^lib\//],
];

/** Pages for those who want to know how it is made. */
const INSIDE = new Set(['Architecture', 'Benchmark', 'Changelog', 'Contributing', 'Runtime dependencies', 'Security']);

/** @param {import('typedoc').Application} app */
export function load({ converter }) {
  converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, page) => nameByHeading(page));
  converter.on(Converter.EVENT_BEGIN, ({ project }) => addSamples(project));
  converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) =>
    project.getChildrenByKind(ReflectionKind.Module).forEach(categorise),
  );
}

/** @param {DocumentReflection} page */
function nameByHeading(page) {
  const text = page.content.map((part) => part.text).join('');
  const heading = /^# (.+)$/m.exec(text)?.[1].replaceAll('`', '');
  page.name = page.name === 'README.ko' ? 'README (한국어)' : (heading ?? page.name);
  page.frontmatter.category = INSIDE.has(page.name) ? 'Project' : 'Guides';
}

/** @param {import('typedoc').ProjectReflection} project */
function addSamples(project) {
  for (const name of readdirSync('samples').filter((name) => /\.c?[jt]s$/.test(name))) {
    const file = resolve('samples', name);
    const code = readFileSync(file, 'utf8').trimEnd();
    const content = [
      { kind: 'text', text: `# ${name}\n\n` },
      { kind: 'code', text: `\`\`\`${name.endsWith('.ts') ? 'ts' : 'js'}\n${code}\n\`\`\`` },
    ];
    const page = new DocumentReflection(name, project, content, { category: 'Samples' });
    project.addChild(page);
    project.registerReflection(page, undefined, file);
  }
}

/** @param {import('typedoc').DeclarationReflection} module */
function categorise(module) {
  module.comment?.blockTags.push(category('API'));
  for (const child of module.children ?? []) {
    const { packagePath = '' } = module.project.getSymbolIdFromReflection(child) ?? {};
    const [name] = CATEGORIES.find(([, files]) => files.test(packagePath)) ?? [];
    if (name === undefined) throw new Error(`${child.name} of ${packagePath} belongs to no category`);
    // What has no comment gets none: TypeDoc would take it for documented.
    const { comment } = child.signatures?.[0] ?? child;
    comment?.blockTags.push(category(name));
  }
}

function category(name) {
  return new CommentTag('@category', [{ kind: 'text', text: name }]);
}
