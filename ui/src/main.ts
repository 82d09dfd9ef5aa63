// Starts the page with the real shell behind it.
import { mount } from 'svelte';
import App from './App.svelte';
import { shell } from './backend';
import './tokens.css';
import './base.css';

const target = document.getElementById('page');
if (target) mount(App, { target, props: { backend: shell } });
