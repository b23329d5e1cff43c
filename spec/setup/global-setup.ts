import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IntegrationRegistries } from '../support/integration-registry.js';
import type * as RegistryProcess from '../support/registry-process.js';
import type * as Binary from './registry-binary.js';
import type * as Compose from './registry-compose.js';
import type * as Ways from './way.js';

/*
 * jest runs this file once, before the first integration spec, and outside its own module system: `require` of a `.ts` file
 * goes through jest's transform there, `import` would not. So the files required here import nothing of the project.
 */
const require = createRequire(import.meta.url);
const { firstThatWorks } = require('./way.ts') as typeof Ways;
const { onThePath, withApt } = require('./registry-binary.ts') as typeof Binary;
const { withCompose } = require('./registry-compose.ts') as typeof Compose;
const { endForgottenRegistries, startRegistry } = require('../support/registry-process.ts') as typeof RegistryProcess;

type Session = RegistryProcess.RegistrySession;
type Undo = () => Promise<unknown>;

/** Finds or starts the shared registries and tells the workers, through the environment, where they are. */
export default async function globalSetup(): Promise<void> {
  const undo: Undo[] = [];
  const undoAll = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  // The teardown runs in this process.
  Object.assign(globalThis, { [Symbol.for('registry-api-v2-client.spec.undo')]: undoAll });
  try {
    await provide(undo);
  } catch (error) {
    await undoAll();
    throw error;
  }
}

async function provide(undo: Undo[]): Promise<void> {
  const { launcher, running, undo: withdraw } = await firstThatWorks([onThePath, withCompose, withApt]);
  if (withdraw) undo.push(withdraw);
  const session = { launcher, folder: await mkdtemp(join(tmpdir(), 'registry-specs-')) };
  undo.push(() => removeSession(session));
  const { plain, basic } = running ?? (await started(session, undo));
  const registries = { plain: process.env.REGISTRY_URL ? await givenByUser(process.env.REGISTRY_URL) : plain, basic };
  process.env.SPEC_REGISTRY_SESSION = JSON.stringify(session);
  process.env.SPEC_REGISTRIES = JSON.stringify(registries);
}

async function started(session: Session, undo: Undo[]): Promise<IntegrationRegistries> {
  const plain = await startRegistry({ session });
  undo.push(() => plain.stop());
  const basic = await startRegistry({ session, auth: 'basic' });
  undo.push(() => basic.stop());
  return { plain: plain.url, basic: basic.url };
}

async function givenByUser(text: string): Promise<string> {
  const url = text.replace(/\/+$/, '');
  const answer = await fetch(`${url}/v2/`, { signal: AbortSignal.timeout(10_000) }).then(
    (response) => `status ${response.status}`,
    (error: Error) => String((error.cause as Error | undefined)?.message ?? error.message),
  );
  if (answer === 'status 200') return url;
  throw new Error(
    `REGISTRY_URL is ${text}, but ${url}/v2/ gives ${answer}; the specs need a registry open to everybody`,
  );
}

async function removeSession(session: Session): Promise<void> {
  const forgotten = await endForgottenRegistries(session);
  if (forgotten > 0) process.stderr.write(`Specs left ${forgotten} registries running; they were ended\n`);
  await rm(session.folder, { recursive: true, force: true, maxRetries: 3 });
}
