/** Gemini's finish reason in OpenAI's four words. @param hasCalls The answer has tool calls. @param hasContent It has anything at all. */
export function toFinishReason(reason: string | undefined, hasCalls: boolean, hasContent: boolean): string {
  switch (reason) {
    case undefined:
    case 'STOP':
      return hasCalls ? 'tool_calls' : 'stop';
    case 'MAX_TOKENS':
    case 'CONTINUATION':
      return 'length';
    case 'SAFETY':
    case 'RECITATION':
    case 'BLOCKLIST':
    case 'PROHIBITED_CONTENT':
    case 'SPII':
    case 'LANGUAGE':
    case 'IMAGE_SAFETY':
    case 'IMAGE_PROHIBITED_CONTENT':
    case 'IMAGE_RECITATION':
      return 'content_filter';
    // OTHER, IMAGE_OTHER, NO_IMAGE, FINISH_REASON_UNSPECIFIED and whatever comes next.
    default:
      if (hasCalls) return 'tool_calls';
      return hasContent ? 'stop' : 'content_filter';
  }
}
