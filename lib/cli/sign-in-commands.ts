import type { Command } from 'commander';
import { type LoginFlags, type ResultFlags, withConnection, withResult } from './flags.js';
import { example, exitCodes, REGISTRY_ENDS, section } from './help.js';
import type { Io } from './io.js';

const KEPT =
  'Credentials are kept where docker, podman and skopeo look for them: in config.json of DOCKER_CONFIG or ~/.docker, or in the program that its credHelpers or credsStore names. Nothing else in that file changes.';

const WHICH = 'address of the registry (default: REGISTRY_URL or http://localhost:15000); docker.io is Docker Hub';

/** The commands about who we are. */
export function addSignIn(program: Command, io: Io): void {
  addLogin(program, io);
  addLogout(program, io);
}

function addLogin(program: Command, io: Io): void {
  withResult(withConnection(program.command('login')))
    .description('check a username and a password with a registry, and keep them')
    .argument('[registry]', WHICH)
    .option('-u, --username <name>', 'asked for where there is a terminal')
    .option('--password-stdin', 'read the password from standard input, to its end')
    .option('-p, --password <password>', 'others see it in the list of processes: prefer --password-stdin')
    .addHelpText(
      'after',
      example(
        'login localhost:5000',
        'login ghcr.io --username ci --password-stdin < token.txt',
        'login docker.io -u me',
      ),
    )
    .addHelpText('after', section('Notes', `${KEPT} Credentials that the registry refuses are not kept.`))
    .addHelpText(
      'after',
      section(
        'Output',
        'The host of the registry; with --json {registry, username, helper, file}, helper being the program that keeps them, if one does.',
      ),
    )
    .addHelpText('after', exitCodes(...REGISTRY_ENDS))
    .action(async (registry: string | undefined, options: LoginFlags) => {
      const { login } = await import('./commands/login.js');
      await login(registry, options, io);
    });
}

function addLogout(program: Command, io: Io): void {
  withResult(withConnection(program.command('logout')))
    .description('forget what login or docker login keeps for a registry')
    .argument('[registry]', WHICH)
    .addHelpText('after', example('logout localhost:5000', 'logout docker.io'))
    .addHelpText('after', section('Notes', `${KEPT} The registry itself is not asked.`))
    .addHelpText(
      'after',
      section(
        'Output',
        'The host of the registry; with --json {registry, erased: [{helper, file}]}, erased being empty when nothing was kept.',
      ),
    )
    .addHelpText('after', exitCodes('ok', 'usage', 'authentication'))
    .action(async (registry: string | undefined, options: ResultFlags) => {
      const { logout } = await import('./commands/logout.js');
      await logout(registry, options, io);
    });
}
