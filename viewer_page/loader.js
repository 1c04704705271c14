// Unpack the page's code, which stands compressed in the page, and run it.
(async () => {
  const tell = (words) => {
    document.getElementById("words").textContent = words;
    document.getElementById("message").hidden = false;
    document.getElementById("time").hidden = true;
  };
  if (typeof DecompressionStream === "undefined") {
    tell("This browser is too old for this page: it needs one of 2023 or later.");
    return;
  }
  const packed = Uint8Array.from(atob(document.getElementById("code").textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.body.append(script);
})();
