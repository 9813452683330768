"""The whole way on a cluster of yours by one command: doctor, status, drill, diagnose, recover, and a report to send.

    python -m cluster.kubernetes.e2e --context NAME      on the deployment of a kubeconfig context
    python -m cluster.kubernetes.e2e --kind              on a cluster that kind makes with Docker, and deletes again

It injects one fault, so it needs the drill account. `--dry-run` prints the commands and runs none. docs/how-to/e2e.md
says what has been run where.

kind.py     the commands that make the CPU variant of the reference deployment
story.py    the steps and what each must answer
__main__.py the command line
"""
