import type { Command } from 'commander';
import { type DeleteFlags, type DeleteTagFlags, type ResultFlags, withConnection, withResult } from './flags.js';
import { example, exitCodes, REGISTRY_ENDS, section } from './help.js';
import type { Io } from './io.js';

/** The commands that change what a registry holds without moving an image. */
export function addChanges(program: Command, io: Io): void {
  addTag(program, io);
  addDelete(program, io);
  addDeleteTag(program, io);
}

function addTag(program: Command, io: Io): void {
  withResult(withConnection(program.command('tag')))
    .description('give an image of a registry further tags')
    .argument('<reference>', 'the image; its tag is latest where it has none')
    .argument('<tag...>', 'tags in the same repository')
    .addHelpText('after', example('tag localhost:5000/team/app:1.2.3 1.2 1 latest'))
    .addHelpText(
      'after',
      section(
        'Output',
        'host/repository:tag@digest for each tag as soon as it is there; with --json [{reference, digest}].',
      ),
    )
    .addHelpText('after', exitCodes(...REGISTRY_ENDS))
    .action(async (reference: string, tags: string[], options: ResultFlags) => {
      const { tag } = await import('./commands/tag.js');
      await tag(reference, tags, options, io);
    });
}

function addDelete(program: Command, io: Io): void {
  withResult(withConnection(program.command('delete')))
    .description('delete an image, and with it every tag it has')
    .argument('<reference>', 'with a tag or a digest')
    .option('--force', 'also when other tags go with it')
    .addHelpText('after', example('delete localhost:5000/team/app:1.0', 'delete team/app:1.0 --force'))
    .addHelpText(
      'after',
      section(
        'Notes',
        'The image goes with every tag it has, so it is refused where there are others than the one named, unless --force says so. Its blobs stay until the registry collects its garbage.',
      ),
    )
    .addHelpText(
      'after',
      section(
        'Output',
        'Each name that is gone: one per tag, and the one with the digest; with --json {digest, untagged}.',
      ),
    )
    .addHelpText('after', exitCodes(...REGISTRY_ENDS))
    .action(async (reference: string, options: DeleteFlags) => {
      const { deleteImage } = await import('./commands/delete.js');
      await deleteImage(reference, options, io);
    });
}

function addDeleteTag(program: Command, io: Io): void {
  withResult(withConnection(program.command('delete-tag')))
    .description('delete tags, and nothing else')
    .argument('<reference...>', 'each with a tag')
    .option('--fallback', 'where the registry cannot: give the tag an image of its own, and delete that')
    .addHelpText(
      'after',
      example('delete-tag localhost:5000/team/app:1.0', 'delete-tag team/app:1 team/app:2 --fallback'),
    )
    .addHelpText(
      'after',
      section(
        'Notes',
        'The image stays, under its digest and its other tags. Registries that cannot delete a tag alone answer so.',
      ),
    )
    .addHelpText(
      'after',
      section('Output', 'The name of each tag as soon as it is gone; with --json an array of them.'),
    )
    .addHelpText('after', exitCodes(...REGISTRY_ENDS))
    .action(async (references: string[], options: DeleteTagFlags) => {
      const { deleteTag } = await import('./commands/delete-tag.js');
      await deleteTag(references, options, io);
    });
}
