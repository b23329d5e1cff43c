import { afterAll } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// What another spec, or the user, has pushed to a registry that had the same port must change nothing here.
const folder = join(tmpdir(), `registry-specs-cache-${randomUUID()}`);
process.env.XDG_CACHE_HOME = folder;

afterAll(() => rm(folder, { recursive: true, force: true }));
