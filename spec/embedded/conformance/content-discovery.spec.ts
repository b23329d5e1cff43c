import { describe, expect, it } from '@jest/globals';
import { digestOf } from '../../../lib/oci/digest.js';
import {
  type Answer,
  descriptorOf,
  imageOf,
  indexOf,
  jsonOf,
  OCI_INDEX,
  OCI_MANIFEST,
  outcomeOf,
  type PushedManifest,
} from '../../contract/caller.js';
import { describeSection } from './describe-section.js';

describeSection('Content Discovery', (section) => {
  describe('Listing Tags', () => {
    const TAGS = ['Z', '_x', 'a', 'b', 'v1', 'v10', 'v2'];

    async function pushTags(): Promise<void> {
      for (const tag of ['v10', 'b', 'Z', '_x', 'v2', 'a', 'v1'])
        await section.caller.pushImage(section.repository, tag);
    }
    const tagsOf = (answer: Answer): string[] => jsonOf<{ tags: string[] }>(answer).tags;

    it('gives the name of the repository and every tag, in the order of ASCII', async () => {
      await pushTags();
      const answer = await section.ask('GET', 'tags/list');
      expect(answer.headers['content-type']).toBe('application/json');
      expect(jsonOf(answer)).toEqual({ name: section.repository, tags: TAGS });
      expect(answer.headers).not.toHaveProperty('link');
    });

    it('gives n of them and a link to the rest', async () => {
      await pushTags();
      const pages: string[][] = [];
      for (let next: string | undefined = 'tags/list?n=3'; next !== undefined;) {
        const answer: Answer = await section.ask('GET', next);
        pages.push(tagsOf(answer));
        const link = /^<\/v2\/(.+)>; rel="next"$/.exec(answer.headers.link ?? '')?.[1];
        next = link?.slice(section.repository.length + 1);
      }
      expect(pages).toEqual([TAGS.slice(0, 3), TAGS.slice(3, 6), TAGS.slice(6)]);
    });

    it('gives what comes behind last, which need not be there', async () => {
      await pushTags();
      expect(tagsOf(await section.ask('GET', 'tags/list?last=b'))).toEqual(['v1', 'v10', 'v2']);
      expect(tagsOf(await section.ask('GET', 'tags/list?last=c&n=1'))).toEqual(['v1']);
      expect(tagsOf(await section.ask('GET', 'tags/list?last=zzz'))).toEqual([]);
    });

    it('gives none and no link for n=0, and all when n is more', async () => {
      await pushTags();
      const none = await section.ask('GET', 'tags/list?n=0');
      expect([tagsOf(none), none.headers.link]).toEqual([[], undefined]);
      const all = await section.ask('GET', 'tags/list?n=1000');
      expect([tagsOf(all), all.headers.link]).toEqual([TAGS, undefined]);
    });

    it('gives none where there are manifests without a tag only', async () => {
      await section.caller.pushBlob(section.repository, '{}');
      await section.caller.pushManifest(section.repository, digestOf(JSON.stringify(imageOf('{}'))), imageOf('{}'));
      expect(tagsOf(await section.ask('GET', 'tags/list'))).toEqual([]);
    });

    it('is answered 404 for a repository that is not there', async () => {
      expect(outcomeOf(await section.ask('GET', 'tags/list'))).toBe('404 NAME_UNKNOWN');
    });
  });

  describe('Listing Referrers', () => {
    const refer = (to: object, type: string, extra: object = {}): Promise<PushedManifest> => {
      const manifest = { ...imageOf('{}'), artifactType: type, annotations: { type }, subject: to, ...extra };
      return section.caller.pushManifest(section.repository, type.replace('/', '-'), manifest);
    };
    const entryOf = ({ descriptor }: PushedManifest, type: string) => ({
      ...descriptor,
      artifactType: type,
      annotations: { type },
    });
    const manifestsOf = (answer: Answer): unknown[] => jsonOf<{ manifests: unknown[] }>(answer).manifests;

    async function subjectOf(): Promise<PushedManifest> {
      await section.caller.pushBlob(section.repository, '{}');
      return section.caller.pushImage(section.repository, 'v1');
    }

    it('gives an empty index where nothing refers, or nothing is', async () => {
      const { status, headers, body } = await section.ask('GET', `referrers/${digestOf('nothing')}`);
      expect([status, headers['content-type']]).toEqual([200, OCI_INDEX]);
      expect(JSON.parse(body.toString())).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
    });

    it('gives a descriptor of each manifest that refers, with type and annotations', async () => {
      const { digest, descriptor } = await subjectOf();
      const [note, signature] = [await refer(descriptor, 'x/note'), await refer(descriptor, 'x/signature')];
      const answer = await section.ask('GET', `referrers/${digest}`);
      expect(manifestsOf(answer)).toEqual([entryOf(note, 'x/note'), entryOf(signature, 'x/signature')]);
      expect(answer.headers).not.toHaveProperty('oci-filters-applied');
    });

    it('takes the type of the config where an image names none', async () => {
      const { digest, descriptor } = await subjectOf();
      await section.caller.pushManifest(section.repository, 'note', { ...imageOf('{}'), subject: descriptor });
      const [entry] = manifestsOf(await section.ask('GET', `referrers/${digest}`));
      expect(entry).toMatchObject({ artifactType: 'application/vnd.oci.image.config.v1+json' });
      expect(entry).not.toHaveProperty('annotations');
    });

    it('knows indexes that refer, with a type and without', async () => {
      const { digest, descriptor } = await subjectOf();
      const typed = { ...indexOf(OCI_INDEX), artifactType: 'x/list', annotations: { a: 'b' }, subject: descriptor };
      const plain = { ...indexOf(OCI_INDEX), subject: descriptor };
      const pushed = [
        await section.caller.pushManifest(section.repository, 'typed', typed),
        await section.caller.pushManifest(section.repository, 'plain', plain),
      ];
      expect(manifestsOf(await section.ask('GET', `referrers/${digest}`))).toEqual([
        { ...pushed[0]?.descriptor, artifactType: 'x/list', annotations: { a: 'b' } },
        pushed[1]?.descriptor,
      ]);
    });

    it('gives those of one type when asked, and says so', async () => {
      const { digest, descriptor } = await subjectOf();
      const note = await refer(descriptor, 'x/note');
      await refer(descriptor, 'x/signature');
      const answer = await section.ask('GET', `referrers/${digest}?artifactType=${encodeURIComponent('x/note')}`);
      expect(answer.headers['oci-filters-applied']).toBe('artifactType');
      expect(manifestsOf(answer)).toEqual([entryOf(note, 'x/note')]);
      const none = await section.ask('GET', `referrers/${digest}?artifactType=x/none`);
      expect([none.status, none.headers['oci-filters-applied'], manifestsOf(none)]).toEqual([200, 'artifactType', []]);
    });

    it('knows what refers to a manifest that is not there yet, or no more', async () => {
      await section.caller.pushBlob(section.repository, '{}');
      const missing = descriptorOf(OCI_MANIFEST, 'missing');
      const note = await refer(missing, 'x/note');
      expect(manifestsOf(await section.ask('GET', `referrers/${missing.digest}`))).toEqual([entryOf(note, 'x/note')]);
    });

    it('forgets what was deleted', async () => {
      const { digest, descriptor } = await subjectOf();
      const note = await refer(descriptor, 'x/note');
      await section.ask('DELETE', `manifests/${note.digest}`);
      expect(manifestsOf(await section.ask('GET', `referrers/${digest}`))).toEqual([]);
    });

    it('is refused for what can be no digest', async () => {
      expect(outcomeOf(await section.ask('GET', 'referrers/sha256:bad'))).toBe('400 DIGEST_INVALID');
    });
  });
});
