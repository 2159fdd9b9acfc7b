/** Longer than Google lets any answer take (it bounds a streamed call at about 20 minutes): one that drips on and on is none. */
export const answerMsMax = 1_500_000;
export const errorBytesMax = 1024 * 1024;
