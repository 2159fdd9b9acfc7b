import { enableCompileCache, flushCompileCache } from 'node:module';
import { spawnWriterThread } from './writer/spawn-thread.ts';

// What was compiled once is read from a cache (in the system's folder for temporary files) at the next start. So everything else is loaded
// after this line, and the writer's thread loads what it needs at the same time.
enableCompileCache();
const writerThread = spawnWriterThread();
const { start } = await import('./process.ts');
await start(writerThread);
// Not left to the end of the process, which may be a crash.
flushCompileCache();
