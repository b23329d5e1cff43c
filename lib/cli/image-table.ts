import { formatPlatform, type ImageConfig } from '../index.js';
import { printable } from '../redact.js';
import { cutTo, formatBytes, widthOf } from './format.js';

/** A label, and what it says; several in a row with one subject have the label at the first of them. */
export type Fact = readonly [label: string, text: string];

/** What both an archive and a registry know of an image. */
export interface TabledImage extends Pick<ImageConfig, 'os' | 'architecture' | 'variant' | 'created'> {
  size: number;
  user: string | undefined;
  entrypoint: readonly string[];
  cmd: readonly string[];
  env: readonly string[];
  labels: Readonly<Record<string, string>>;
}

export interface TabledLayer {
  name: string;
  size: number;
  /** `plain`, or what it is packed with. */
  packing: string;
}

/** What people came for, to be copied as a whole: it wraps where there is too little room. */
const WHOLE = new Set(['Name', 'Digest']);

/**
 * A line for each fact that says something. What they say may come from an archive or a registry.
 * @param room - columns of a line, `Infinity` but on a terminal
 */
export function formatFacts(facts: readonly Fact[], room = Infinity): string {
  const telling = facts.filter(([, text]) => text !== '').map(([label, text]) => [label, printable(text)] as const);
  const width = telling.reduce((most, [label]) => Math.max(most, label.length), 0);
  return telling.map(([label, text]) => `${factLine(label, text, width, room)}\n`).join('');
}

function factLine(label: string, text: string, width: number, room: number): string {
  const line = `${label.padEnd(width)}  ${text}`.trimEnd();
  if (widthOf(line) <= room) return line;
  return WHOLE.has(label) ? `${label} ${text}` : cutTo(line, room);
}

export function imageFacts(image: TabledImage, config: string, layers: readonly TabledLayer[]): Fact[] {
  return [
    ['Platform', platformOf(image)],
    ['Created', image.created ?? 'unknown'],
    ['Size', formatBytes(image.size)],
    ['Config', config],
    ['User', image.user ?? ''],
    ['Entrypoint', image.entrypoint.join(' ')],
    ['Command', image.cmd.join(' ')],
    ...labelled('Env', image.env),
    ...labelled(
      'Labels',
      Object.entries(image.labels).map(([name, value]) => `${name}=${value}`),
    ),
    ...labelled(
      'Layers',
      layers.map(({ name, size, packing }) => `${formatBytes(size).padStart(10)}  ${packing}  ${name}`),
    ),
  ];
}

export function labelled(label: string, texts: readonly string[]): Fact[] {
  return texts.map((text, i) => [i === 0 ? label : '', text]);
}

export function platformOf({ os = '', architecture = '', variant = '' }: Partial<TabledImage>): string {
  return formatPlatform({ os, architecture, variant }) || 'none';
}
