const framesPerSecond = 14;
const columnPx = 22;
const glyphs = 'アイウエオカキクケコサシスセソ0123456789ABCDEF{}<>/=';
const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');

interface Drop {
  row: number;
  rowsPerFrame: number;
}

/**
 * Green characters that fall slowly behind the page. They rest while the page is hidden and where less motion is asked
 * for. Returns how to stop them.
 */
export function startRain(canvas: HTMLCanvasElement, isDark: () => boolean): () => void {
  const context = canvas.getContext('2d');
  if (!context) return () => {};
  let drops: Drop[] = [];
  let timer: ReturnType<typeof setInterval> | undefined;

  function resize(): void {
    canvas.width = canvas.clientWidth;
    canvas.height = canvas.clientHeight;
    const columns = Math.ceil(canvas.width / columnPx);
    const rows = canvas.height / columnPx;
    drops = Array.from({ length: columns }, (_, index) => drops[index] ?? newDrop(-Math.random() * rows));
  }

  function draw(): void {
    if (!context) return;
    // What was drawn fades instead of being wiped: the tails.
    context.globalCompositeOperation = 'destination-out';
    context.fillStyle = 'rgb(0 0 0 / 9%)';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = 'source-over';
    context.font = `${columnPx * 0.64}px monospace`;
    context.fillStyle = isDark() ? 'rgb(0 255 65 / 34%)' : 'rgb(0 122 47 / 22%)';
    for (const [column, drop] of drops.entries()) {
      const before = Math.floor(drop.row);
      drop.row += drop.rowsPerFrame;
      if (Math.floor(drop.row) === before) continue;
      const glyph = glyphs[Math.floor(Math.random() * glyphs.length)] ?? '0';
      context.fillText(glyph, column * columnPx, drop.row * columnPx);
      if (drop.row * columnPx > canvas.height) drops[column] = newDrop(-Math.random() * 20);
    }
  }

  function update(): void {
    clearInterval(timer);
    timer = undefined;
    if (reducedMotion.matches) context?.clearRect(0, 0, canvas.width, canvas.height);
    else if (!document.hidden) timer = setInterval(draw, 1000 / framesPerSecond);
  }

  const listening = new AbortController();
  const options = { signal: listening.signal };
  addEventListener('resize', resize, options);
  document.addEventListener('visibilitychange', update, options);
  reducedMotion.addEventListener('change', update, options);
  resize();
  update();
  return () => {
    listening.abort();
    clearInterval(timer);
  };
}

function newDrop(row: number): Drop {
  return { row, rowsPerFrame: 0.25 + Math.random() * 0.45 };
}
