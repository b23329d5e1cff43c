// Pull an image straight into a program that reads archives, such as docker load, without a file in between.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { RegistryClient } from 'registry-api-v2-client';

const [source = 'team/app:1.0', program = 'docker', ...args] = process.argv.slice(2);
await using client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

const loading = spawn(program, args.length > 0 ? args : ['load'], { stdio: ['pipe', 'inherit', 'inherit'] });

// A pull does not end what it writes into, so that more can follow. A program that leaves early fails it.
const pulling = client.pull(source, loading.stdin).finally(() => loading.stdin.end());
const [pulled] = await Promise.all([pulling, once(loading, 'close')]);

console.log(`${pulled.reference}, ${pulled.size} bytes, ${program} ended with ${loading.exitCode}`);
