import type { Part } from '../../gemini/types.ts';

/** Code that Gemini ran, and what it printed, as fenced text; undefined for a part of another kind. */
export function codeText({ executableCode: ran, codeExecutionResult: result }: Part): string | undefined {
  if (ran) {
    const code = ran.code ?? '';
    return `\n\`\`\`${(ran.language ?? '').toLowerCase()}\n${code}${code.endsWith('\n') ? '' : '\n'}\`\`\`\n`;
  }
  if (!result) return undefined;
  const output = result.output ?? '';
  const failure = result.outcome && result.outcome !== 'OUTCOME_OK' ? `# ${result.outcome}\n` : '';
  return `\n\`\`\`output\n${failure}${output}${output === '' || output.endsWith('\n') ? '' : '\n'}\`\`\`\n`;
}
