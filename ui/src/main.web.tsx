// The same screens in a browser, on made-up data.

import "./locale";
import { render } from "preact";
import { App } from "./app";
import { web } from "./backend.web";
import "./style/index.css";

const scenario = new URLSearchParams(location.search).get("scenario") ?? "afternoon";
const root = document.getElementById("app");
if (root !== null) render(<App backend={web(scenario)} />, root);
