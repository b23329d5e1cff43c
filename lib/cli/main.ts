#!/usr/bin/env node
import { processIo } from './process-io.js';
import { run } from './program.js';

const { io, exitCode } = processIo(process);
process.exitCode = exitCode(await run(process.argv.slice(2), io));
