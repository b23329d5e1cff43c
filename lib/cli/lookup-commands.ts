import type { Command } from 'commander';
import {
  type OutputFlags,
  type PlatformFlags,
  type ReferrersFlags,
  type ResultFlags,
  withConnection,
  withPlatform,
  withResult,
} from './flags.js';
import { ARCHIVE_ENDS, example, exitCodes, REGISTRY_ENDS, section } from './help.js';
import type { Io } from './io.js';

/** The commands that change nothing. */
export function addLookups(program: Command, io: Io): void {
  addInspect(program, io);
  addManifest(program, io);
  addReferrers(program, io);
  addLists(program, io);
  addPing(program, io);
  addValidate(program, io);
}

function addInspect(program: Command, io: Io): void {
  withResult(withPlatform(withConnection(program.command('inspect'))))
    .description('show the images of an archive, or an image of a registry')
    .argument('<tar|reference>', 'an archive if there is such a file, or it ends in .tar or starts with / or ./')
    .addHelpText(
      'after',
      example('inspect app.tar', 'inspect localhost:5000/team/app:1.0', 'inspect team/app:1.0 --platform linux/arm64'),
    )
    .addHelpText(
      'after',
      section(
        'Output',
        'Tables of tags, platform, size, configuration and layers; with --json an array with an element per image of an archive, or {digest, mediaType, platforms, attestations} of an image of a registry.',
      ),
    )
    .addHelpText('after', exitCodes(...ARCHIVE_ENDS))
    .action(async (what: string, options: PlatformFlags) => {
      const { inspect } = await import('./commands/inspect.js');
      await inspect(what, options, io);
    });
}

function addManifest(program: Command, io: Io): void {
  withResult(withPlatform(withConnection(program.command('manifest'))))
    .description('print a manifest or an index, byte for byte')
    .argument('<reference>', 'the image; its tag is latest where it has none')
    .addHelpText(
      'after',
      example('manifest localhost:5000/team/app:1.0', 'manifest team/app:1.0 --platform linux/arm64 --json'),
    )
    .addHelpText(
      'after',
      section(
        'Output',
        'The very bytes the registry has, with nothing behind them (a terminal gets control characters escaped); with --json {descriptor, manifest}. Name, type and size on standard error.',
      ),
    )
    .addHelpText('after', exitCodes(...REGISTRY_ENDS))
    .action(async (reference: string, options: PlatformFlags) => {
      const { manifest } = await import('./commands/manifest.js');
      await manifest(reference, options, io);
    });
  withResult(withConnection(program.command('resolve')))
    .description('print the digest behind a name')
    .argument('<reference>', 'the image; its tag is latest where it has none')
    .addHelpText('after', example('resolve localhost:5000/team/app:1.0'))
    .addHelpText('after', section('Output', 'The digest; with --json its descriptor, {mediaType, digest, size}.'))
    .addHelpText('after', exitCodes(...REGISTRY_ENDS))
    .action(async (reference: string, options: ResultFlags) => {
      const { resolve } = await import('./commands/resolve.js');
      await resolve(reference, options, io);
    });
}

function addReferrers(program: Command, io: Io): void {
  withResult(withConnection(program.command('referrers')))
    .description('list what refers to an image: signatures, SBOMs, attestations')
    .argument('<reference>', 'the image; its tag is latest where it has none')
    .option('--artifact-type <type>', 'of this type only')
    .addHelpText(
      'after',
      example('referrers localhost:5000/team/app:1.0', 'referrers team/app:1 --artifact-type application/spdx+json -q'),
    )
    .addHelpText(
      'after',
      section(
        'Output',
        'A table of digest, artifact type, size and date; with --quiet the digests only; with --json an array of descriptors.',
      ),
    )
    .addHelpText('after', exitCodes(...REGISTRY_ENDS))
    .action(async (reference: string, options: ReferrersFlags) => {
      const { referrers } = await import('./commands/referrers.js');
      await referrers(reference, options, io);
    });
}

function addLists(program: Command, io: Io): void {
  withResult(withConnection(program.command('tags')))
    .description('list the tags of a repository')
    .argument('<repository>', 'with or without a host')
    .addHelpText('after', example('tags team/app', 'tags registry.example.com/team/app'))
    .addHelpText('after', section('Output', 'A tag per line; with --json an array of them.'))
    .addHelpText('after', exitCodes(...REGISTRY_ENDS))
    .action(async (repository: string, options: ResultFlags) => {
      const { tags } = await import('./commands/tags.js');
      await tags(repository, options, io);
    });
  withResult(withConnection(program.command('repos')))
    .description('list the repositories of a registry')
    .argument('[registry]', 'address of the registry')
    .addHelpText('after', example('repos', 'repos http://localhost:5000'))
    .addHelpText('after', section('Output', 'A repository per line; with --json an array of them.'))
    .addHelpText('after', exitCodes(...REGISTRY_ENDS))
    .action(async (registry: string | undefined, options: ResultFlags) => {
      const { repos } = await import('./commands/repos.js');
      await repos(registry, options, io);
    });
}

function addPing(program: Command, io: Io): void {
  withResult(withConnection(program.command('ping')))
    .description('check that a registry is there and lets us in')
    .argument('[url]', 'address of the registry')
    .addHelpText('after', example('ping', 'ping https://registry.example.com'))
    .addHelpText('after', section('Output', 'The host of the registry; with --json {registry}.'))
    .addHelpText('after', exitCodes(...REGISTRY_ENDS))
    .action(async (url: string | undefined, options: ResultFlags) => {
      const { ping } = await import('./commands/ping.js');
      await ping(url, options, io);
    });
}

function addValidate(program: Command, io: Io): void {
  withResult(program.command('validate'))
    .description('read an archive to its end and report every problem')
    .argument('<tar>', 'what docker save, podman, skopeo, crane, kaniko, jib, nix or BuildKit wrote')
    .addHelpText('after', example('validate app.tar'))
    .addHelpText(
      'after',
      section(
        'Output',
        'That it is valid, or a line for each problem; with --json {valid, problems: [{entry, message}]}, also when there are some.',
      ),
    )
    .addHelpText('after', exitCodes('ok', 'usage', 'archive', 'interrupted'))
    .action(async (tar: string, options: OutputFlags) => {
      const { validate } = await import('./commands/validate.js');
      await validate(tar, options, io);
    });
}
