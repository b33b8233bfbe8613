// One connection to the kiosk for all tabs of a browser, which opens at most
// six to one host.
"use strict";
const ports = new Set();
let last = "";
onconnect = (e) => {
  const port = e.ports[0];
  ports.add(port);
  if (ports.size > 64) ports.delete(ports.values().next().value);
  if (last) port.postMessage(last);
};
function listen() {
  const stream = new EventSource("/stream" + location.search);
  stream.addEventListener("change", (e) => {
    last = e.data;
    for (const port of ports) port.postMessage(last);
  });
  stream.addEventListener("error", () => {
    last = ""; // what an earlier run of the kiosk said is nothing to tell a new page
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 1000); // refused, not lost: a browser does not try that again
  });
}
listen();
