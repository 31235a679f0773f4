// Show the progress of the work, and load the next page when it has ended. Without this
// script the page reloads itself.

const BETWEEN_MS = 500;
const bar = document.getElementById("bar");

async function look() {
  try {
    const answer = await fetch("/progress.json", { cache: "no-store" });
    const told = await answer.json();
    if (told.is_over || !answer.ok) {
      location.reload();
      return;
    }
    document.getElementById("done").textContent = told.done.toLocaleString("en");
    if (told.total) {
      bar.max = told.total;
      bar.value = told.done;
      const noun = told.total === 1 ? "file" : "files";
      document.getElementById("of").textContent = `of ${told.total.toLocaleString("en")} ${noun}`;
    }
  } catch {
    // The page was closed: the last progress stays on the screen.
    return;
  }
  setTimeout(look, BETWEEN_MS);
}

setTimeout(look, BETWEEN_MS);
