// Shows one made-up screen: /?scene=pass&language=en, and with &then=checking another one after it. Confirming an offer goes on to a verdict.
import { mount } from 'svelte';
import App from '../../src/App.svelte';
import '../../src/tokens.css';
import '../../src/base.css';
import { NOW, SCENES, screen } from '../fixtures';
import { PlayedShell } from '../played';

const asked = new URLSearchParams(location.search);
const scene = asked.get('scene') ?? 'ready';
const language = asked.get('language') ?? 'zh-CN';

// The fixtures live at a fixed moment.
const offset = NOW - Date.now();
const real = Date.now.bind(Date);
Date.now = () => real() + offset;

const shell = new PlayedShell(screen(scene in SCENES ? scene : 'ready', language));
shell.answers = [screen('pass', language), screen('ready', language), screen('used', language)];
const target = document.getElementById('page');
if (target) mount(App, { target, props: { backend: shell } });
const then = asked.get('then') ?? '';
if (then in SCENES) setTimeout(() => shell.changed(screen(then, language, 2)), 500);
