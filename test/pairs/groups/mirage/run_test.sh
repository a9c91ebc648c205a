#!/bin/bash
# What makes this folder a checkout of mirage-bench: its groups may use what lies beside them.
