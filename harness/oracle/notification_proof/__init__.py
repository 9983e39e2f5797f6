"""How `oracle.notifications` is proved: random cases, played to running Alertmanagers, heard there and predicted here.

    cases --> live: Alertmanagers --> what their webhooks heard --.
      |                                                           +--> is_same
      `-----> predict_notifications ------------------------------'

`wrong` holds models and clusters that must be noticed. One seed reproduces all inputs.
"""
