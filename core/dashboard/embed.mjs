// Writes what is in dist/ as the table of assets.h: embed.mjs OUT.cc. String literals with octal
// escapes, since they compile much faster than lists of numbers.
import {createHash} from 'node:crypto';
import {readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {extname, join} from 'node:path';
import {gzipSync} from 'node:zlib';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const LINE_BYTES = 96;

const list = (folder) =>
  readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? list(path) : [path];
    });

function literal(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += LINE_BYTES)
    lines.push(
      `    "${[...bytes.subarray(at, at + LINE_BYTES)].map((b) => `\\${b.toString(8).padStart(3, '0')}`).join('')}"`,
    );
  return lines.join('\n');
}

const entries = list('dist').map((file, i) => {
  const type = TYPES[extname(file)];
  if (!type) throw new Error(`embed.mjs knows no content type for ${file}`);
  const text = readFileSync(file);
  const gzip = gzipSync(text, {level: 9});
  const path = `/${file.slice('dist/'.length)}`;
  const etag = createHash('sha256').update(text).digest('hex').slice(0, 24);
  return {
    data: `constexpr char kFile${i}[] =\n${literal(gzip)};\n`,
    row: `    {"${path}", "${type}", {kFile${i}, ${gzip.length}}, "\\"${etag}\\"", ${path.startsWith('/assets/')}},\n`,
  };
});

writeFileSync(
  process.argv[2],
  `#include "core/dashboard/assets.h"

namespace heald::dashboard {
namespace {

${entries.map((entry) => entry.data).join('')}
constexpr Asset kAssets[] = {
${entries.map((entry) => entry.row).join('')}};

}  // namespace

std::span<const Asset> Assets() {
  return kAssets;
}

}  // namespace heald::dashboard
`,
);
