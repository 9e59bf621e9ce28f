#include "plugins/actions/argocd/argocd_action.h"

HEALD_PLUGIN("argocd", "0.1.0", "The heald authors", "MIT", heald::argocd::ArgocdAction);
