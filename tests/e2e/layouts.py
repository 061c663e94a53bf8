"""Config repos for the e2e tests: one project of small scripts on targets of this machine."""

import json

SCRIPT = """\
apiVersion: tidegate/v1
kind: Project
name: {name}
deploy:
  type: script
  config:
    work_dir: "{root}/apps/${{TARGET_NAME}}/{name}"
    install_script: |
      set -e
      [ "$GIT_REPO $GIT_BRANCH" = "{root}/config.git main" ]
      echo "$TARGET_NAME $APP_VERSION" >> "{root}/installs-{name}.log"
      {body}
      echo "$APP_VERSION" > version
    rollback_script: |
      set -e
      echo "$TARGET_NAME $ROLLBACK_VERSION" >> "{root}/rollbacks-{name}.log"
      echo "$ROLLBACK_VERSION" > version
    uninstall_script: |
      rm -f version
    timeouts: {{install: 30, update: 30, rollback: 30, uninstall: 30}}
{extra}"""

ENVIRONMENT = """\
apiVersion: tidegate/v1
kind: Environment
name: {name}
strategy:
  type: rolling
  config:
    batch_size: {batch}
    max_unavailable: {batch}
    health_check: {{type: script, script: "! grep -q bad version", retry: 0, interval: 1}}
{extra}targets:
{targets}
"""


def project(root, name="app", body=":", extra=""):
    return SCRIPT.format(root=root, name=name, body=body, extra=extra)


def environment(name="test", targets=("t1",), batch=1, extra=""):
    rows = "".join(f"  - {{name: {t}}}\n" if isinstance(t, str) else f"  - {json.dumps(t)}\n"
                   for t in targets)
    return ENVIRONMENT.format(name=name, batch=batch, targets=rows.rstrip("\n"), extra=extra)


def version(value, project="app", environment="test", extra=""):
    return (f"apiVersion: tidegate/v1\nkind: Version\nproject: {project}\n"
            f"environment: {environment}\nversion: {value}\n{extra}")


def repo(root, value="1.0.0", targets=("t1",), **options):
    """The files of a whole, valid repo."""
    return {
        "README.md": "not ours\n",
        "tidegate.yaml": "apiVersion: tidegate/v1\nkind: Repository\nname: test\n",
        "projects/app.yaml": project(root, **{k: v for k, v in options.items() if k == "body"}),
        "environments/test.yaml": environment(
            targets=targets, **{k: v for k, v in options.items() if k in ("batch", "extra")}),
        "versions/test/app.yaml": version(value),
    }
