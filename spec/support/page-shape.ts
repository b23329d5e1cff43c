import { linksIn, withoutFences } from './markdown.js';

/** What a section has in whatever language it is written. */
export interface SectionShape {
  /** Of its heading: 1 is the title of the page. 0 is what stands before any heading. */
  level: number;
  /** Its code, with the language it is marked with; of a comment in shell only that there is one. */
  fences: string[];
  /** How many cells each row of its tables has. */
  rows: number[];
  /** In the order of the alphabet, because a sentence turns around from one language to another. */
  links: string[];
  /** The names in backticks, each once, in the same order. */
  names: string[];
}

/** What two pages have in common that say the same in two languages, section by section. */
export function shapeOf(page: string): SectionShape[] {
  return sectionsOf(page).map((section) => {
    const prose = withoutFences(section);
    return {
      level: /^#*/.exec(section)![0].length,
      fences: fences(section),
      rows: rows(prose),
      links: linksIn(section).map(inAnyLanguage).sort(),
      names: [...new Set(names(prose))].sort(),
    };
  });
}

function sectionsOf(page: string): string[] {
  // A comment in a fence begins no section.
  const text = page.replace(/^```[^]*?^```$/gm, (fence) => fence.replace(/^#/gm, ' #'));
  return text.split(/^(?=#{1,6} )/m);
}

function fences(section: string): string[] {
  const found = section.matchAll(/^```(.*)\n([^]*?)^```$/gm);
  return [...found].map(
    ([, language = '', code = '']) => `${language}\n${language === 'sh' ? uncommented(code) : code}`,
  );
}

function uncommented(code: string): string {
  return code.replace(/[ \t]+#.*$/gm, ' #');
}

function rows(prose: string): number[] {
  return [...prose.matchAll(/^\|.*\|$/gm)].map(([row]) => row.replace(/\\\|/g, '').split('|').length - 2);
}

/** A heading has another anchor in another language, and a page that is there in two links to itself in the other one. */
function inAnyLanguage(link: string): string {
  return link.replace(/^#.*/, '#').replace(/\.ko\.md\b/, '.md');
}

function names(prose: string): string[] {
  return [...prose.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name.replace(/\s+/g, ' '));
}
