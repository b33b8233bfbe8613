// Reads the bytes of a ticket from standard input and writes what npos, a parser
// that was written without us, makes of them: {"covered": bytes, "of": bytes,
// "commands": [...], "text": what is printed as characters, "error": words}.
'use strict';

const iconv = require('iconv-lite');
const Parser = require('npos/lib/parser');
const symbols = require('npos/lib/parser/symbols');
const rules = require('npos/lib/parser/rules');

// The one command of ours that it has no rule for: QR codes.
rules[symbols.GS]['(k'] = [0, 'd16'];

const chunks = [];
process.stdin.on('data', (c) => chunks.push(c));
process.stdin.on('end', () => {
  const raw = Buffer.concat(chunks);
  const out = { covered: 0, of: raw.length, commands: [], text: '' };
  const ast = new Parser(rules).analyze(raw);
  if (ast.error) {
    out.error = ast.error.message;
  }
  let hanzi = false;
  for (const node of ast.tree || []) {
    if (node.offset !== out.covered) {
      out.error = 'gap at byte ' + out.covered;
      break;
    }
    out.covered += node.length;
    const bytes = raw.slice(node.offset, node.offset + node.length);
    if (node.ascii === 'STX') {
      out.text += iconv.decode(bytes, hanzi ? 'gb18030' : 'ascii');
      continue;
    }
    const name = node.ascii + ' ' + node.fn;
    hanzi = name === 'FS &' || (hanzi && name !== 'FS .');
    out.commands.push(name === 'GS (k' || name === 'GS k' ? name + ' ' + bytes.slice(3).toString('latin1') : name);
  }
  process.stdout.write(JSON.stringify(out) + '\n');
});
