/*
 * Inside Jira's page the token is good for any request, and the server does not take it for what cannot be undone.
 * So here a way to the same page outside stands in place of such buttons.
 */
import { s } from '../../strings'

export const Outside = () => <p class="muted small">{s.data.outside} <a href="/data" target="_blank" rel="noopener" data-external>{s.data.openOutside}</a></p>
