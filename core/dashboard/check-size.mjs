// The page must stay small: fails the build when dist/ is above the limit, all files gzipped.
import {readdirSync, readFileSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';

const LIMIT_BYTES = 150 * 1000;

const files = (folder) =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });

const total = files('dist').reduce(
  (sum, file) => sum + gzipSync(readFileSync(file), {level: 9}).length,
  0,
);
console.log(`dist is ${(total / 1000).toFixed(1)} KB gzipped, of ${LIMIT_BYTES / 1000} KB allowed`);
if (total > LIMIT_BYTES) {
  console.error('the dashboard is too large: load what is seldom needed lazily, or leave it out');
  process.exit(1);
}
