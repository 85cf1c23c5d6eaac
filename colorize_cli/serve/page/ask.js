"use strict";
// Requests to the server, and what is said of them.
const $ = id => document.getElementById(id);
const make = Pages.make;

let toastTimer = 0;
function say(text, bad = false) {
  $("toast").textContent = text;
  $("toast").classList.toggle("bad", bad);
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, bad ? 9000 : 3500);
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name !== "AbortError") $("lost").hidden = false;
    throw error;
  }
  $("lost").hidden = true;
  if (!answer.ok) throw new Error((await answer.text()).trim() || answer.statusText);
  return answer;
}
const askJson = async (path, options) => (await ask(path, options)).json();
const post = (path, said) => ask(path, { method: "POST", body: said === undefined ? undefined : JSON.stringify(said) });

async function pictureOf(blob) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  await image.decode();
  URL.revokeObjectURL(image.src);
  return image;
}
