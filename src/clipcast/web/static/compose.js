// The scripts of the compose page.

import "./compose_form.js";
import "./compose_accounts.js";
import "./compose_clips.js";
import "./compose_steps.js";
import "./compose_keep.js";
import "./compose_templates.js";
