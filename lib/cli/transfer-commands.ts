import { type Command, Option } from 'commander';
import {
  type PullFlags,
  type PushFlags,
  type TransferFlags,
  withConcurrency,
  withConnection,
  withPlatform,
  withProgress,
  withResult,
} from './flags.js';
import { ARCHIVE_ENDS, example, examples, exitCodes, REGISTRY_ENDS, section } from './help.js';
import type { Io } from './io.js';
import { oneOf } from './suggest.js';

/** Of an option that may be given several times. */
function added(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

const PUSH_NOTES =
  'Layers that the registry has are neither packed nor sent. A file is read where it lies, and a pipe is sent while it comes; nothing is written to disk. A tag is set when all of its image is there: a push that fails leaves none behind, and one after it goes on with what is missing.';

const PUSH_OUTPUT =
  'host/repository:tag@digest for each tag; with --json [{reference, digest, mediaType, size, blobs: {uploaded, mounted, skipped}, bytesSent}], sizes in bytes.';

const PUSH_EXAMPLES = [
  'registry-client push app.tar',
  'registry-client push app.tar ghcr.io/team/app:1 --compression none',
  'registry-client push app.tar localhost:5000/app:1.2 --mount-from team/base',
  'registry-client push app.tar localhost:5000/app:1.2 --dry-run',
  'docker save team/app | registry-client push - localhost:5000/app:1.2',
];

/** The commands that move images. */
export function addTransfers(program: Command, io: Io): void {
  addPush(program, io);
  addPull(program, io);
  addCopy(program, io);
}

function addPush(program: Command, io: Io): void {
  withPushOptions(withTransfer(program.command('push')))
    .description('push an image archive under its original tags, or under a name')
    .argument(
      '<tar>',
      'what docker save wrote, also packed with gzip; - reads it from standard input, and needs a reference',
    )
    .argument('[reference]', 'the name to push it under; without it the original tags are kept')
    .addHelpText('after', examples(...PUSH_EXAMPLES))
    .addHelpText('after', section('Notes', PUSH_NOTES))
    .addHelpText('after', section('Output', PUSH_OUTPUT))
    .addHelpText('after', exitCodes(...ARCHIVE_ENDS))
    .action(async (tar: string, reference: string | undefined, options: PushFlags) => {
      const { push } = await import('./commands/push.js');
      await push(tar, reference, options, io);
    });
}

function withPushOptions(command: Command): Command {
  const compression = oneOf(new Option('--compression <kind>', 'of plain layers'), 'gzip', 'zstd', 'none');
  const makers = new Option(
    '--compressor <program>',
    'what makes gzip: a program on the PATH, or threads of this process (builtin); auto is igzip where it is there, else builtin',
  );
  const compressor = oneOf(makers, 'auto', 'builtin', 'igzip', 'pigz');
  return command
    .addOption(new Option('--all-tags', 'push every original tag (default)').conflicts('firstTag'))
    .option('--first-tag', 'push the first original tag only')
    .option('--image <tag>', 'which image of an archive with several')
    .addOption(compression.default('gzip'))
    .addOption(compressor.default('auto'))
    .option('--mount-from <repository>', 'link layers that this repository of the registry has, and do not send them')
    .option(
      '--layers-from <tag>',
      'neither read nor send layers that this tag of the repository has (repeatable)',
      added,
    )
    .option('--dry-run', 'only print what would be sent, linked and left, and which tags would be set')
    .option('--no-cache', 'forget which layers earlier pushes have sent, and remember none');
}

function addPull(program: Command, io: Io): void {
  withTransfer(program.command('pull'))
    .description('write an image into an archive that docker load and push take')
    .argument('<reference>', 'the image; its tag is latest where it has none')
    .argument('<file>', 'the archive; - writes it to standard output, and the result to standard error')
    .addOption(oneOf(new Option('--format <format>', 'of the archive'), 'docker', 'oci').default('docker'))
    .addHelpText(
      'after',
      example('pull localhost:5000/team/app:1.0 app.tar', 'pull team/app:1.0 - --platform linux/arm64 | docker load'),
    )
    .addHelpText(
      'after',
      section('Notes', 'The file gets its name when it is complete, and what had that name before is replaced.'),
    )
    .addHelpText(
      'after',
      section(
        'Output',
        'host/repository:tag@digest; with --json {reference, digest, mediaType, size, bytesReceived}, sizes in bytes.',
      ),
    )
    .addHelpText('after', exitCodes('ok', 'registry', 'usage', 'authentication', 'interrupted', 'unread'))
    .action(async (reference: string, file: string, options: PullFlags) => {
      const { pull } = await import('./commands/pull.js');
      await pull(reference, file, options, io);
    });
}

function addCopy(program: Command, io: Io): void {
  withTransfer(program.command('copy'))
    .description('copy an image within a registry or into another one, without a file')
    .argument('<source>', 'the image; its tag is latest where it has none')
    .argument('<target>', 'its name there; it gets the tag of the source where it has none')
    .addHelpText(
      'after',
      example('copy team/app:1.0 team/app:stable', 'copy ghcr.io/a/app:1 localhost:5000/app --platform linux/arm64'),
    )
    .addHelpText(
      'after',
      section(
        'Notes',
        'Within a registry blobs are linked; into another one they go through this process, and those that are there are not sent.',
      ),
    )
    .addHelpText(
      'after',
      section(
        'Output',
        'host/repository:tag@digest of the copy; with --json {reference, digest, mediaType, blobs: {uploaded, mounted, skipped}, bytesSent}, sizes in bytes.',
      ),
    )
    .addHelpText('after', exitCodes(...REGISTRY_ENDS))
    .action(async (source: string, target: string, options: TransferFlags) => {
      const { copy } = await import('./commands/copy.js');
      await copy(source, target, options, io);
    });
}

function withTransfer(command: Command): Command {
  return withResult(withProgress(withConcurrency(withPlatform(withConnection(command)))));
}
